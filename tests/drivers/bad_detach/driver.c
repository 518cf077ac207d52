/* Detaches twice. */
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
    ATTACHMENT state;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeStackAttachProcess(PsInitialSystemProcess, &state);
    KeUnstackDetachProcess(&state);
    KeUnstackDetachProcess(&state);
    return STATUS_SUCCESS;
}
