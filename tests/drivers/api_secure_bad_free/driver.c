/* Frees a block of secure pool with another cookie. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTKERNELAPI NTSTATUS NTAPI ExCreatePool(ULONG flags, ULONG_PTR tag, PVOID params, HANDLE *ret);
NTKERNELAPI VOID NTAPI ExDestroyPool(HANDLE pool);
NTKERNELAPI PVOID NTAPI ExAllocatePool3(ULONG64 flags, SIZE_T size, ULONG tag, const void *params,
                                        ULONG count);
NTKERNELAPI VOID NTAPI ExFreePool2(PVOID p, ULONG tag, const void *params, ULONG count);

struct secure {
    HANDLE pool;
    PVOID buffer;
    ULONG_PTR cookie;
    ULONG flags;
};

struct parameter {
    ULONG64 type;
    struct secure *secure;
};

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct secure s = {.cookie = 0x1234, .flags = 1 /* freeable */};
    struct parameter a = {2 /* secure pool */, &s};
    PUCHAR p;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(ExCreatePool(1, RULE_TAG, NULL, &s.pool)))
        return STATUS_INSUFFICIENT_RESOURCES;
    p = ExAllocatePool3(0x40, 64, RULE_TAG, &a, 1);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    s.flags = 0;
    s.cookie++;
    ExFreePool2(p, RULE_TAG, &a, 1);
    s.cookie--;
    ExFreePool2(p, RULE_TAG, &a, 1);
    ExDestroyPool(s.pool);
    return STATUS_SUCCESS;
}
