/* Prototypes of the exports that ke_*.c, ex_sync.c, ex_resource.c, ex_work.c and ps_thread.c hold,
 * for native callers. What each one does is said where it is defined and on its page in
 * exports/ke.def. */
#ifndef POOLPROOF_KE_NT_H
#define POOLPROOF_KE_NT_H

#include "kernel/kernel_priv.h"

/* ke_apc.c */
VOID NTAPI KeInitializeApc(PRKAPC apc, PKTHREAD thread, KAPC_ENVIRONMENT environment,
                           PKKERNEL_ROUTINE kernel_routine, PKRUNDOWN_ROUTINE rundown,
                           PKNORMAL_ROUTINE normal, KPROCESSOR_MODE mode, PVOID context);
BOOLEAN NTAPI KeInsertQueueApc(PRKAPC apc, PVOID argument1, PVOID argument2, KPRIORITY increment);
BOOLEAN NTAPI KeRemoveQueueApc(PRKAPC apc);
VOID NTAPI KeEnterCriticalRegion(void);
VOID NTAPI KeLeaveCriticalRegion(void);
VOID NTAPI KeEnterGuardedRegion(void);
VOID NTAPI KeLeaveGuardedRegion(void);
BOOLEAN NTAPI KeAreApcsDisabled(void);
BOOLEAN NTAPI KeAreAllApcsDisabled(void);

/* ke_cpu.c */
KAFFINITY NTAPI KeQueryActiveProcessors(void);
ULONG NTAPI KeQueryActiveProcessorCount(PKAFFINITY active);
ULONG NTAPI KeQueryActiveProcessorCountEx(USHORT group);
ULONG NTAPI KeQueryMaximumProcessorCount(void);
ULONG NTAPI KeQueryMaximumProcessorCountEx(USHORT group);
USHORT NTAPI KeQueryActiveGroupCount(void);
USHORT NTAPI KeQueryMaximumGroupCount(void);
KAFFINITY NTAPI KeQueryGroupAffinity(USHORT group);
USHORT NTAPI KeQueryHighestNodeNumber(void);
USHORT NTAPI KeGetCurrentNodeNumber(void);
VOID NTAPI KeQueryNodeActiveAffinity(USHORT node, PGROUP_AFFINITY affinity, PUSHORT count);
USHORT NTAPI KeQueryNodeMaximumProcessorCount(USHORT node);
ULONG NTAPI KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER number);
ULONG NTAPI KeGetCurrentProcessorNumber(void);
ULONG NTAPI KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER number);
NTSTATUS NTAPI KeGetProcessorNumberFromIndex(ULONG index, PPROCESSOR_NUMBER number);
VOID NTAPI KeSetSystemAffinityThread(KAFFINITY mask);
KAFFINITY NTAPI KeSetSystemAffinityThreadEx(KAFFINITY mask);
VOID NTAPI KeRevertToUserAffinityThread(void);
VOID NTAPI KeRevertToUserAffinityThreadEx(KAFFINITY mask);
VOID NTAPI KeSetSystemGroupAffinityThread(PGROUP_AFFINITY affinity, PGROUP_AFFINITY previous);
VOID NTAPI KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY previous);
KAFFINITY NTAPI KeSetAffinityThread(PKTHREAD thread, KAFFINITY mask);
UCHAR NTAPI KeSetIdealProcessorThread(PKTHREAD thread, UCHAR processor);
KPRIORITY NTAPI KeSetPriorityThread(PKTHREAD thread, KPRIORITY priority);
KPRIORITY NTAPI KeQueryPriorityThread(PKTHREAD thread);
LONG NTAPI KeSetBasePriorityThread(PKTHREAD thread, LONG increment);
ULONG NTAPI KeQueryRuntimeThread(PKTHREAD thread, PULONG user_time);
ULONG_PTR NTAPI KeIpiGenericCall(PKIPI_BROADCAST_WORKER worker, ULONG_PTR context);
VOID NTAPI KeGenericCallDpc(PKDEFERRED_ROUTINE routine, PVOID context);
VOID NTAPI KeSignalCallDpcDone(PVOID argument1);
LOGICAL NTAPI KeSignalCallDpcSynchronize(PVOID argument2);
PVOID NTAPI KeRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION routine, PVOID context,
                                              ULONG flags);
VOID NTAPI KeDeregisterProcessorChangeCallback(PVOID handle);
PVOID NTAPI KeRegisterNmiCallback(PNMI_CALLBACK routine, PVOID context);
NTSTATUS NTAPI KeDeregisterNmiCallback(PVOID handle);
NT_NORETURN VOID NTAPI KeBugCheckEx(ULONG code, ULONG_PTR p1, ULONG_PTR p2, ULONG_PTR p3,
                                    ULONG_PTR p4);
NT_NORETURN VOID NTAPI KeBugCheck(ULONG code);
BOOLEAN NTAPI KeRegisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD record,
                                         PKBUGCHECK_CALLBACK_ROUTINE routine, PVOID buffer,
                                         ULONG length, PUCHAR component);
BOOLEAN NTAPI KeDeregisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD record);
BOOLEAN NTAPI KeRegisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD record,
                                               PKBUGCHECK_REASON_CALLBACK_ROUTINE routine,
                                               KBUGCHECK_CALLBACK_REASON reason, PUCHAR component);
BOOLEAN NTAPI KeDeregisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD record);
VOID NTAPI KeFlushWriteBuffer(void);
VOID NTAPI KeMemoryBarrier(void);
VOID NTAPI KeFlushIoBuffers(PVOID mdl, BOOLEAN read, BOOLEAN dma);
BOOLEAN NTAPI KeInvalidateAllCaches(void);
VOID NTAPI KeInvalidateRangeAllCaches(PVOID base, ULONG size);
VOID NTAPI KeFlushEntireTb(BOOLEAN invalid, BOOLEAN all_processors);
NTSTATUS NTAPI KeSaveFloatingPointState(PKFLOATING_SAVE save);
NTSTATUS NTAPI KeRestoreFloatingPointState(PKFLOATING_SAVE save);
NTSTATUS NTAPI KeSaveExtendedProcessorState(ULONG64 mask, PXSTATE_SAVE save);
VOID NTAPI KeRestoreExtendedProcessorState(PXSTATE_SAVE save);
ULONG NTAPI KeGetRecommendedSharedDataAlignment(void);
BOOLEAN NTAPI ExIsProcessorFeaturePresent(ULONG feature);
NTSTATUS NTAPI ExUuidCreate(GUID *ret);

/* ke_dpc.c */
VOID NTAPI KeInitializeDpc(PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context);
VOID NTAPI KeInitializeThreadedDpc(PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context);
BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC dpc, PVOID argument1, PVOID argument2);
BOOLEAN NTAPI KeRemoveQueueDpc(PRKDPC dpc);
BOOLEAN NTAPI KeRemoveQueueDpcEx(PRKDPC dpc, BOOLEAN wait);
VOID NTAPI KeFlushQueuedDpcs(void);
VOID NTAPI KeSetImportanceDpc(PRKDPC dpc, KDPC_IMPORTANCE importance);
VOID NTAPI KeSetTargetProcessorDpc(PRKDPC dpc, CCHAR number);
NTSTATUS NTAPI KeSetTargetProcessorDpcEx(PKDPC dpc, PPROCESSOR_NUMBER number);
NTSTATUS NTAPI KeQueryDpcWatchdogInformation(PULONG info);

/* ke_event.c */
VOID NTAPI KeInitializeEvent(PRKEVENT event, EVENT_TYPE type, BOOLEAN state);
LONG NTAPI KeSetEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait);
VOID NTAPI KeSetEventBoostPriority(PRKEVENT event, PKTHREAD *thread);
LONG NTAPI KePulseEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait);
LONG NTAPI KeResetEvent(PRKEVENT event);
VOID NTAPI KeClearEvent(PRKEVENT event);
LONG NTAPI KeReadStateEvent(PRKEVENT event);
VOID NTAPI KeInitializeSemaphore(PRKSEMAPHORE semaphore, LONG count, LONG limit);
LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE semaphore, KPRIORITY increment, LONG adjustment,
                              BOOLEAN wait);
LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE semaphore);
VOID NTAPI KeInitializeMutex(PRKMUTEX mutex, ULONG level);
VOID NTAPI KeInitializeMutant(PRKMUTANT mutant, BOOLEAN owned);
LONG NTAPI KeReleaseMutant(PRKMUTANT mutant, KPRIORITY increment, BOOLEAN abandon, BOOLEAN wait);
LONG NTAPI KeReleaseMutex(PRKMUTEX mutex, BOOLEAN wait);
LONG NTAPI KeReadStateMutex(PRKMUTEX mutex);
LONG NTAPI KeReadStateMutant(PRKMUTANT mutant);

/* ke_irql.c */
KIRQL NTAPI KfRaiseIrql(KIRQL to);
VOID NTAPI KeRaiseIrql(KIRQL to, PKIRQL old);
KIRQL NTAPI KeRaiseIrqlToDpcLevel(void);
KIRQL NTAPI KeRaiseIrqlToSynchLevel(void);
VOID NTAPI KeLowerIrql(KIRQL to);
VOID NTAPI KfLowerIrql(KIRQL to);
KIRQL NTAPI KeGetCurrentIrql(void);

/* ke_queue.c */
VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE queue);
BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry);
BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry, ULONG key);
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE queue);
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE queue, ULONG key);
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueueIfBusy(PKDEVICE_QUEUE queue, ULONG key);
BOOLEAN NTAPI KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry);
VOID NTAPI KeInitializeQueue(PRKQUEUE queue, ULONG count);
LONG NTAPI KeReadStateQueue(PRKQUEUE queue);
LONG NTAPI KeInsertQueue(PRKQUEUE queue, PLIST_ENTRY entry);
LONG NTAPI KeInsertHeadQueue(PRKQUEUE queue, PLIST_ENTRY entry);
PLIST_ENTRY NTAPI KeRemoveQueue(PRKQUEUE queue, KPROCESSOR_MODE mode, PLARGE_INTEGER timeout);
ULONG NTAPI KeRemoveQueueEx(PKQUEUE queue, KPROCESSOR_MODE mode, BOOLEAN alertable,
                            PLARGE_INTEGER timeout, PLIST_ENTRY *entries, ULONG count);
PLIST_ENTRY NTAPI KeRundownQueue(PRKQUEUE queue);

/* ke_spin.c */
VOID NTAPI KeInitializeSpinLock(PKSPIN_LOCK lock);
KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock);
KIRQL NTAPI KeAcquireSpinLockRaiseToSynch(PKSPIN_LOCK lock);
VOID NTAPI KeAcquireSpinLock(PKSPIN_LOCK lock, PKIRQL old);
VOID NTAPI KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL old);
VOID NTAPI KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock);
VOID NTAPI KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK lock);
BOOLEAN NTAPI KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock);
BOOLEAN NTAPI KeTestSpinLock(PKSPIN_LOCK lock);
KIRQL NTAPI KeAcquireSpinLockForDpc(PKSPIN_LOCK lock);
VOID NTAPI KeReleaseSpinLockForDpc(PKSPIN_LOCK lock, KIRQL old);
VOID NTAPI KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle);
VOID NTAPI KeAcquireInStackQueuedSpinLockRaiseToSynch(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle);
VOID NTAPI KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE handle);
VOID NTAPI KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle);
VOID NTAPI KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE handle);
VOID NTAPI KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle);
VOID NTAPI KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE handle);
KIRQL NTAPI KeAcquireQueuedSpinLock(ULONG number);
KIRQL NTAPI KeAcquireQueuedSpinLockRaiseToSynch(ULONG number);
VOID NTAPI KeReleaseQueuedSpinLock(ULONG number, KIRQL old);
LOGICAL NTAPI KeTryToAcquireQueuedSpinLock(ULONG number, PKIRQL old);
LOGICAL NTAPI KeTryToAcquireQueuedSpinLockRaiseToSynch(ULONG number, PKIRQL old);
KIRQL NTAPI KeAcquireInterruptSpinLock(PKINTERRUPT interrupt);
VOID NTAPI KeReleaseInterruptSpinLock(PKINTERRUPT interrupt, KIRQL old);
BOOLEAN NTAPI KeSynchronizeExecution(PKINTERRUPT interrupt, PKSYNCHRONIZE_ROUTINE routine,
                                     PVOID context);
VOID NTAPI ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK lock);
KIRQL NTAPI ExAcquireSpinLockExclusive(PEX_SPIN_LOCK lock);
VOID NTAPI ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK lock);
VOID NTAPI ExReleaseSpinLockExclusive(PEX_SPIN_LOCK lock, KIRQL old);
VOID NTAPI ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK lock);
KIRQL NTAPI ExAcquireSpinLockShared(PEX_SPIN_LOCK lock);
VOID NTAPI ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK lock);
VOID NTAPI ExReleaseSpinLockShared(PEX_SPIN_LOCK lock, KIRQL old);
LOGICAL NTAPI ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK lock);
LOGICAL NTAPI ExTryAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK lock);
LOGICAL NTAPI ExTryAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK lock);

/* ke_time.c */
VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER ret);
VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER ret);
VOID NTAPI KeQueryTickCount(PLARGE_INTEGER ret);
ULONGLONG NTAPI KeQueryInterruptTime(void);
ULONGLONG NTAPI KeQueryInterruptTimePrecise(PULONG64 qpc);
ULONGLONG NTAPI KeQueryUnbiasedInterruptTime(void);
ULONGLONG NTAPI KeQueryUnbiasedInterruptTimePrecise(PULONG64 qpc);
ULONG NTAPI KeQueryTimeIncrement(void);
LARGE_INTEGER NTAPI KeQueryPerformanceCounter(PLARGE_INTEGER frequency);
VOID NTAPI KeStallExecutionProcessor(ULONG microseconds);
VOID NTAPI ExQueryTimerResolution(PULONG maximum, PULONG minimum, PULONG current);
ULONG NTAPI ExSetTimerResolution(ULONG desired, BOOLEAN set);

/* ke_timer.c */
VOID NTAPI KeInitializeTimerEx(PKTIMER timer, TIMER_TYPE type);
VOID NTAPI KeInitializeTimer(PKTIMER timer);
BOOLEAN NTAPI KeSetTimerEx(PKTIMER timer, LARGE_INTEGER due, LONG period, PKDPC dpc);
BOOLEAN NTAPI KeSetTimer(PKTIMER timer, LARGE_INTEGER due, PKDPC dpc);
BOOLEAN NTAPI KeSetCoalescableTimer(PKTIMER timer, LARGE_INTEGER due, ULONG period,
                                    ULONG tolerable_delay, PKDPC dpc);
BOOLEAN NTAPI KeCancelTimer(PKTIMER timer);
BOOLEAN NTAPI KeReadStateTimer(PKTIMER timer);
PEX_TIMER NTAPI ExAllocateTimer(PEXT_CALLBACK callback, PVOID context, ULONG attributes);
BOOLEAN NTAPI ExSetTimer(PEX_TIMER timer, LONGLONG due, LONGLONG period,
                         PEXT_SET_PARAMETERS parameters);
BOOLEAN NTAPI ExCancelTimer(PEX_TIMER timer, PVOID parameters);
BOOLEAN NTAPI ExDeleteTimer(PEX_TIMER timer, BOOLEAN cancel, BOOLEAN wait,
                            PEXT_DELETE_PARAMETERS parameters);

/* ke_wait.c */
NTSTATUS NTAPI KeWaitForSingleObject(PVOID object, KWAIT_REASON reason, KPROCESSOR_MODE mode,
                                     BOOLEAN alertable, PLARGE_INTEGER timeout);
NTSTATUS NTAPI KeWaitForMutexObject(PVOID object, KWAIT_REASON reason, KPROCESSOR_MODE mode,
                                    BOOLEAN alertable, PLARGE_INTEGER timeout);
NTSTATUS NTAPI KeWaitForMultipleObjects(ULONG count, PVOID objects[], WAIT_TYPE type,
                                        KWAIT_REASON reason, KPROCESSOR_MODE mode,
                                        BOOLEAN alertable, PLARGE_INTEGER timeout,
                                        PKWAIT_BLOCK blocks);
NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE mode, BOOLEAN alertable,
                                      PLARGE_INTEGER interval);
NTSTATUS NTAPI ZwYieldExecution(void);
BOOLEAN NTAPI KeAlertThread(PKTHREAD thread, KPROCESSOR_MODE mode);
BOOLEAN NTAPI KeTestAlertThread(KPROCESSOR_MODE mode);

/* ex_resource.c */
NTSTATUS NTAPI ExInitializeResourceLite(PERESOURCE e);
NTSTATUS NTAPI ExReinitializeResourceLite(PERESOURCE e);
NTSTATUS NTAPI ExDeleteResourceLite(PERESOURCE e);
BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PERESOURCE e, BOOLEAN wait);
BOOLEAN NTAPI ExTryToAcquireResourceExclusiveLite(PERESOURCE e);
BOOLEAN NTAPI ExAcquireResourceSharedLite(PERESOURCE e, BOOLEAN wait);
BOOLEAN NTAPI ExAcquireSharedStarveExclusive(PERESOURCE e, BOOLEAN wait);
BOOLEAN NTAPI ExAcquireSharedWaitForExclusive(PERESOURCE e, BOOLEAN wait);
VOID NTAPI ExReleaseResourceLite(PERESOURCE e);
VOID NTAPI ExReleaseResourceForThreadLite(PERESOURCE e, ERESOURCE_THREAD thread);
PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE e);
PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE e);
PVOID NTAPI ExEnterCriticalRegionAndAcquireSharedWaitForExclusive(PERESOURCE e);
VOID NTAPI ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE e);
VOID NTAPI ExConvertExclusiveToSharedLite(PERESOURCE e);
BOOLEAN NTAPI ExIsResourceAcquiredExclusiveLite(PERESOURCE e);
ULONG NTAPI ExIsResourceAcquiredSharedLite(PERESOURCE e);
ULONG NTAPI ExGetExclusiveWaiterCount(PERESOURCE e);
ULONG NTAPI ExGetSharedWaiterCount(PERESOURCE e);
VOID NTAPI ExSetResourceOwnerPointer(PERESOURCE e, PVOID pointer);
VOID NTAPI ExSetResourceOwnerPointerEx(PERESOURCE e, PVOID pointer, ULONG flags);
VOID NTAPI ExDisableResourceBoostLite(PERESOURCE e);

/* ex_sync.c */
VOID NTAPI ExInitializeFastMutex(PFAST_MUTEX mutex);
VOID NTAPI ExAcquireFastMutex(PFAST_MUTEX mutex);
BOOLEAN NTAPI ExTryToAcquireFastMutex(PFAST_MUTEX mutex);
VOID NTAPI ExReleaseFastMutex(PFAST_MUTEX mutex);
VOID NTAPI ExAcquireFastMutexUnsafe(PFAST_MUTEX mutex);
VOID NTAPI ExReleaseFastMutexUnsafe(PFAST_MUTEX mutex);
VOID NTAPI ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX mutex);
VOID NTAPI ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(PFAST_MUTEX mutex);
VOID NTAPI KeInitializeGuardedMutex(PKGUARDED_MUTEX mutex);
VOID NTAPI KeAcquireGuardedMutex(PKGUARDED_MUTEX mutex);
BOOLEAN NTAPI KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX mutex);
VOID NTAPI KeReleaseGuardedMutex(PKGUARDED_MUTEX mutex);
VOID NTAPI KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX mutex);
VOID NTAPI KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX mutex);
VOID NTAPI ExInitializePushLock(PEX_PUSH_LOCK lock);
VOID NTAPI ExfAcquirePushLockExclusive(PEX_PUSH_LOCK lock);
VOID NTAPI ExfAcquirePushLockShared(PEX_PUSH_LOCK lock);
VOID NTAPI ExfReleasePushLock(PEX_PUSH_LOCK lock);
VOID NTAPI ExfReleasePushLockExclusive(PEX_PUSH_LOCK lock);
VOID NTAPI ExfReleasePushLockShared(PEX_PUSH_LOCK lock);
BOOLEAN NTAPI ExfTryAcquirePushLockShared(PEX_PUSH_LOCK lock);
VOID NTAPI ExfTryToWakePushLock(PEX_PUSH_LOCK lock);
VOID NTAPI ExfUnblockPushLock(PEX_PUSH_LOCK lock, PVOID wait_block);
VOID NTAPI ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG flags);
VOID NTAPI ExAcquirePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG flags);
VOID NTAPI ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG flags);
VOID NTAPI ExReleasePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG flags);
VOID NTAPI ExReleasePushLockEx(PEX_PUSH_LOCK lock, ULONG flags);
VOID NTAPI ExInitializeRundownProtection(PEX_RUNDOWN_REF ref);
VOID NTAPI ExReInitializeRundownProtection(PEX_RUNDOWN_REF ref);
BOOLEAN NTAPI ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count);
BOOLEAN NTAPI ExAcquireRundownProtection(PEX_RUNDOWN_REF ref);
VOID NTAPI ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count);
VOID NTAPI ExReleaseRundownProtection(PEX_RUNDOWN_REF ref);
VOID NTAPI ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF ref);
VOID NTAPI ExRundownCompleted(PEX_RUNDOWN_REF ref);
PEX_RUNDOWN_REF_CACHE_AWARE NTAPI ExAllocateCacheAwareRundownProtection(POOL_TYPE type, ULONG tag);
VOID NTAPI ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE r);
SIZE_T NTAPI ExSizeOfRundownProtectionCacheAware(void);
VOID NTAPI ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r, SIZE_T size);
VOID NTAPI ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r);
BOOLEAN NTAPI ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r);
BOOLEAN NTAPI ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE r, ULONG count);
VOID NTAPI ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r);
VOID NTAPI ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE r, ULONG count);
VOID NTAPI ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r);
VOID NTAPI ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r);

/* ex_work.c */
VOID NTAPI ExInitializeWorkItem(PWORK_QUEUE_ITEM item, PWORKER_THREAD_ROUTINE routine,
                                PVOID context);
VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM item, WORK_QUEUE_TYPE type);
ULONG NTAPI IoSizeofWorkItem(void);
VOID NTAPI IoInitializeWorkItem(PVOID object, PIO_WORKITEM item);
VOID NTAPI IoUninitializeWorkItem(PIO_WORKITEM item);
PIO_WORKITEM NTAPI IoAllocateWorkItem(PDEVICE_OBJECT device);
VOID NTAPI IoFreeWorkItem(PIO_WORKITEM item);
VOID NTAPI IoQueueWorkItem(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE routine, WORK_QUEUE_TYPE type,
                           PVOID context);
VOID NTAPI IoQueueWorkItemEx(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE_EX routine,
                             WORK_QUEUE_TYPE type, PVOID context);
BOOLEAN NTAPI IoTryQueueWorkItem(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE_EX routine,
                                 WORK_QUEUE_TYPE type, PVOID context);
NTSTATUS NTAPI ExCreateCallback(PCALLBACK_OBJECT *ret, POBJECT_ATTRIBUTES attr, BOOLEAN create,
                                BOOLEAN multiple);
PVOID NTAPI ExRegisterCallback(PCALLBACK_OBJECT callback, PCALLBACK_FUNCTION routine,
                               PVOID context);
VOID NTAPI ExUnregisterCallback(PVOID handle);
VOID NTAPI ExNotifyCallback(PVOID callback, PVOID argument1, PVOID argument2);

/* ps_thread.c */
NTSTATUS NTAPI PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE routine);
NTSTATUS NTAPI PsSetCreateThreadNotifyRoutineEx(ULONG type, PVOID routine);
NTSTATUS NTAPI PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE routine);
NTSTATUS NTAPI PsCreateSystemThread(PHANDLE ret, ULONG access, POBJECT_ATTRIBUTES attr,
                                    HANDLE process, PCLIENT_ID client, PKSTART_ROUTINE start,
                                    PVOID context);
NTSTATUS NTAPI PsTerminateSystemThread(NTSTATUS status);
NTSTATUS NTAPI PsGetThreadExitStatus(PETHREAD thread);
PETHREAD NTAPI PsGetCurrentThread(void);
PKTHREAD NTAPI KeGetCurrentThread(void);
HANDLE NTAPI PsGetCurrentThreadId(void);
HANDLE NTAPI PsGetThreadId(PETHREAD thread);
HANDLE NTAPI PsGetThreadProcessId(PETHREAD thread);
PEPROCESS NTAPI PsGetThreadProcess(PETHREAD thread);
PEPROCESS NTAPI PsGetCurrentThreadProcess(void);
HANDLE NTAPI PsGetCurrentThreadProcessId(void);
CCHAR NTAPI PsGetCurrentThreadPreviousMode(void);
PVOID NTAPI PsGetCurrentThreadStackBase(void);
PVOID NTAPI PsGetCurrentThreadStackLimit(void);
PVOID NTAPI PsGetThreadTeb(PETHREAD thread);
PVOID NTAPI PsGetCurrentThreadTeb(void);
PVOID NTAPI PsGetThreadWin32Thread(PETHREAD thread);
PVOID NTAPI PsGetCurrentThreadWin32Thread(void);
LONGLONG NTAPI PsGetThreadCreateTime(PETHREAD thread);
BOOLEAN NTAPI PsIsSystemThread(PETHREAD thread);
BOOLEAN NTAPI PsIsThreadTerminating(PETHREAD thread);
NTSTATUS NTAPI PsLookupThreadByThreadId(HANDLE id, PETHREAD *ret);
NTSTATUS NTAPI PsLookupProcessThreadByCid(PCLIENT_ID cid, PEPROCESS *process, PETHREAD *ret);
NTSTATUS NTAPI KeExpandKernelStackAndCalloutEx(PEXPAND_STACK_CALLOUT callout, PVOID parameter,
                                               SIZE_T size, BOOLEAN wait, PVOID context);
NTSTATUS NTAPI KeExpandKernelStackAndCallout(PEXPAND_STACK_CALLOUT callout, PVOID parameter,
                                             SIZE_T size);

#endif
