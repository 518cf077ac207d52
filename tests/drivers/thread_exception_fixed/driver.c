/* A work item handles the exception. */
#include "rule.h"

static WORK_QUEUE_ITEM item;
static KEVENT done;
static LARGE_INTEGER one_second = {.QuadPart = -10000000};

static __declspec(noinline) void store(ULONG *p)
{
    *(volatile ULONG *)p = 1;
}

static VOID NTAPI work(PVOID context)
{
    __try {
        store(blind(context));
    } __except (EXCEPTION_EXECUTE_HANDLER) {
    }
    KeSetEvent(&done, 0, FALSE);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&item, work, NULL);
    ExQueueWorkItem(&item, DelayedWorkQueue);
    return KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, &one_second);
}
