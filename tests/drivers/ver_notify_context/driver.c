/* Asks to be told of changes with a context of its own where a work queue belongs. */
#include "rule.h"

NTSYSAPI NTSTATUS NTAPI ZwNotifyChangeKey(HANDLE key, HANDLE event, PIO_APC_ROUTINE routine, PVOID context,
                                          PIO_STATUS_BLOCK iosb, ULONG filter, BOOLEAN tree, PVOID buffer,
                                          ULONG size, BOOLEAN asynchronous);

static WORK_QUEUE_ITEM notify_item;
static IO_STATUS_BLOCK notify_iosb;

static VOID NTAPI work(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
}

static UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System");

static NTSTATUS open_key(PHANDLE ret, PUNICODE_STRING name)
{
    OBJECT_ATTRIBUTES attributes;

    InitializeObjectAttributes(&attributes, name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    return ZwOpenKey(ret, KEY_READ, &attributes);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    HANDLE key;

    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(open_key(&key, &path)))
        return STATUS_UNSUCCESSFUL;
    ExInitializeWorkItem(&notify_item, work, NULL);
    ZwNotifyChangeKey(key, NULL, (PIO_APC_ROUTINE)&notify_item, device, &notify_iosb, REG_NOTIFY_CHANGE_NAME,
                      FALSE, NULL, 0, TRUE);
    ZwClose(key);
    return STATUS_SUCCESS;
}
