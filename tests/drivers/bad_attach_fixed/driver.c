/* Detaches before it attaches to the next process. */
#include "rule.h"

typedef struct {
    PVOID room[6]; /* KAPC_STATE: only the kernel looks inside */
} ATTACHMENT;
NTKERNELAPI VOID NTAPI KeStackAttachProcess(PVOID process, ATTACHMENT *state);
NTKERNELAPI VOID NTAPI KeUnstackDetachProcess(ATTACHMENT *state);
NTKERNELAPI VOID NTAPI KeAttachProcess(PVOID process);
NTKERNELAPI VOID NTAPI KeDetachProcess(VOID);

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID program = IoGetCurrentProcess();

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeAttachProcess(PsInitialSystemProcess);
    KeDetachProcess();
    KeAttachProcess(program);
    KeDetachProcess();
    return STATUS_SUCCESS;
}
