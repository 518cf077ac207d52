/* Exported variables: one structure at KE_DATA_LOW, so that their addresses repeat. A driver's import slot
 * holds the address of a member. Filled at ke_init by the subject's owner.
 * Doc: exports list in docs/EXPORTS.md; WDK pages of each variable. */
#ifndef POOLPROOF_KE_DATA_H
#define POOLPROOF_KE_DATA_H

struct ke_data {
    /* Object types: slot -> variable -> type object. */
    POBJECT_TYPE IoDeviceObjectType, IoFileObjectType, IoDriverObjectType, IoAdapterObjectType,
        IoControllerObjectType, IoDeviceHandlerObjectType, ExEventObjectType, ExSemaphoreObjectType,
        ExMutantObjectType, ExTimerObjectType, ExDesktopObjectType, ExWindowStationObjectType,
        ExCallbackObjectType, PsThreadType, PsProcessType, PsJobType, SeTokenObjectType,
        MmSectionObjectType, CmKeyObjectType, LpcPortObjectType, TmTransactionObjectType,
        ObDirectoryObjectType, ObSymbolicLinkObjectType;
    PVOID SeExports;             /* PSE_EXPORTS */
    PEPROCESS PsInitialSystemProcess;
    PVOID KeLoaderBlock;
    PVOID MmHighestUserAddress, MmSystemRangeStart;
    ULONG64 MmUserProbeAddress;
    PUCHAR KdComPortInUse;
    PUCHAR FsRtlLegalAnsiCharacterArray;
    PUSHORT NlsOemLeadByteInfo, NlsLeadByteInfo;
    PVOID PsSiloContextNonPagedType, POGOBuffer, SeSystemDefaultDacl;
    ULONG InitSafeBootMode;
    ULONG NtBuildNumber;
    ULONG NtGlobalFlag;
    ULONG KeNumberProcessors;    /* also read as a byte */
    BOOLEAN NlsMbCodePageTag, NlsMbOemCodePageTag, KdDebuggerEnabled, KdDebuggerNotPresent,
        KdEnteredDebugger, Mm64BitPhysicalAddress;
    USHORT NlsAnsiCodePage, NlsOemCodePage;
    ULONG IoReadOperationCount, IoWriteOperationCount, IoOtherOperationCount, PoolHitTag;
    LARGE_INTEGER IoReadTransferCount, IoWriteTransferCount, IoOtherTransferCount;
    KSPIN_LOCK IoStatisticsLock;
    ULONG CcFastReadWait, CcFastReadNotPossible, CcFastMdlReadNotPossible, CcFastMdlReadWait;
    CHAR NtBuildLab[64];
    PVOID HalDispatchTable[32];  /* [0] is the version */
    PVOID HalPrivateDispatchTable[64];
    ULONG_PTR KiBugCheckData[5];
    PVOID ExPoolQuotaCookie;
    UCHAR LegalAnsi[128];        /* what FsRtlLegalAnsiCharacterArray points to */
    USHORT LeadBytes[256];       /* what NlsLeadByteInfo points to */
    UCHAR ComPort;
};
#define KE_DATA ((struct ke_data *)KE_DATA_LOW)

#endif
