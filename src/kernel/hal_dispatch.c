/*
 * Tables of routines that the HAL exports as data. What is not modelled points to a stub that stops by name.
 *
 * Doc: ntddk.h, HAL_DISPATCH (version 4 of the table).
 */
#include "kernel/mm_phys.h"

enum { HAL_DISPATCH_VERSION = 4 };

static PVOID routine(const char *name)
{
    return (PVOID)ke_export_address(ke_export_find("hal.dll", name));
}

void hal_dispatch_init(void)
{
    static const char *const names[] = {
        "HalDispatchTable.HalQuerySystemInformation",
        "HalDispatchTable.HalSetSystemInformation",
        "HalDispatchTable.HalQueryBusSlots",
        "HalDispatchTable.Spare1",
        "HalDispatchTable.HalExamineMBR",
        "HalDispatchTable.HalIoReadPartitionTable",
        "HalDispatchTable.HalIoSetPartitionInformation",
        "HalDispatchTable.HalIoWritePartitionTable",
        "HalDispatchTable.HalReferenceHandlerForBus",
        "HalDispatchTable.HalReferenceBusHandler",
        "HalDispatchTable.HalDereferenceBusHandler",
        "HalDispatchTable.HalInitPnpDriver",
        "HalDispatchTable.HalInitPowerManagement",
        "IoGetDmaAdapter",
        "HalDispatchTable.HalGetInterruptTranslator",
        "HalDispatchTable.HalStartMirroring",
        "HalDispatchTable.HalEndMirroring",
        "HalDispatchTable.HalMirrorPhysicalMemory",
        "HalDispatchTable.HalEndOfBoot",
        "HalDispatchTable.HalMirrorVerify",
        "HalDispatchTable.HalGetCachedAcpiTable",
        "HalDispatchTable.HalSetPciErrorHandlerCallback",
    };
    struct ke_data *d = KE_DATA;

    d->HalDispatchTable[0] = (PVOID)(uintptr_t)HAL_DISPATCH_VERSION;
    for (size_t i = 0; i < PP_COUNT(names); i++)
        d->HalDispatchTable[i + 1] = routine(names[i]);
    d->HalPrivateDispatchTable[0] = (PVOID)(uintptr_t)HAL_DISPATCH_VERSION;
    for (size_t i = 1; i < PP_COUNT(d->HalPrivateDispatchTable); i++)
        d->HalPrivateDispatchTable[i] = routine("HalPrivateDispatchTable");
}

/* Doc: nf-wdm-halallocatehardwarecounters: a processor without counters to give. */
NT_EXPORT NTSTATUS NTAPI HalAllocateHardwareCounters(PVOID affinity, ULONG count, PVOID resources,
                                                     PHANDLE counters)
{
    (void)affinity;
    (void)count;
    (void)resources;
    (void)counters;
    return STATUS_NOT_IMPLEMENTED;
}
