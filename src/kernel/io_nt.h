/* Exports of other groups that the I/O manager, PnP and power call natively, and our own that more
 * than one of our files calls. The types are Windows' own: see each page named in
 * exports/<area>.def. */
#ifndef POOLPROOF_IO_NT_H
#define POOLPROOF_IO_NT_H

#include "kernel/kernel_priv.h"

/* Scheduler. */
VOID NTAPI KeInitializeEvent(PRKEVENT event, EVENT_TYPE type, BOOLEAN state);
LONG NTAPI KeSetEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait);
VOID NTAPI KeClearEvent(PRKEVENT event);
LONG NTAPI KeResetEvent(PRKEVENT event);
KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock);
VOID NTAPI KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL old);
VOID NTAPI KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock);
VOID NTAPI KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK lock);
VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE queue);
BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry);
BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry, ULONG key);
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE queue);
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE queue, ULONG key);
VOID NTAPI KeInitializeDpc(PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context);
BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC dpc, PVOID argument1, PVOID argument2);
BOOLEAN NTAPI KeRemoveQueueDpc(PRKDPC dpc);
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache,
                                         PVOID address, ULONG bug_check, ULONG priority);
VOID NTAPI KeInitializeTimer(PKTIMER timer);
BOOLEAN NTAPI KeSetTimerEx(PKTIMER timer, LARGE_INTEGER due, LONG period, PKDPC dpc);
BOOLEAN NTAPI KeCancelTimer(PKTIMER timer);
VOID NTAPI KeInitializeApc(PRKAPC apc, PKTHREAD thread, KAPC_ENVIRONMENT environment,
                           PKKERNEL_ROUTINE kernel, PKRUNDOWN_ROUTINE rundown,
                           PKNORMAL_ROUTINE normal, KPROCESSOR_MODE mode, PVOID context);
BOOLEAN NTAPI KeInsertQueueApc(PRKAPC apc, PVOID argument1, PVOID argument2, KPRIORITY increment);
PEPROCESS NTAPI PsGetCurrentProcess(VOID);
PEPROCESS NTAPI PsGetThreadProcess(PETHREAD thread);
HANDLE NTAPI PsGetProcessId(PEPROCESS process);

/* Memory. */
PMDL NTAPI IoAllocateMdl(PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN quota, PIRP irp);
VOID NTAPI IoFreeMdl(PMDL mdl);
VOID NTAPI MmProbeAndLockPages(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation);
VOID NTAPI MmUnlockPages(PMDL mdl);
VOID NTAPI ExFreePoolWithTag(PVOID p, ULONG tag);

/* System services. */
NTSTATUS NTAPI ZwClose(HANDLE handle);
NTSTATUS NTAPI ZwCreateKey(PHANDLE key, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes,
                           ULONG title, PUNICODE_STRING class_name, ULONG options,
                           PULONG disposition);
NTSTATUS NTAPI ZwOpenKey(PHANDLE key, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes);
NTSTATUS NTAPI ZwSetValueKey(HANDLE key, PUNICODE_STRING name, ULONG title, ULONG type, PVOID data,
                             ULONG size);
NTSTATUS NTAPI ZwDeleteValueKey(HANDLE key, PUNICODE_STRING name);
NTSTATUS NTAPI ZwDeleteKey(HANDLE key);

/* Our own. */
NTSTATUS NTAPI IofCallDriver(PDEVICE_OBJECT device, PIRP irp);
VOID NTAPI IofCompleteRequest(PIRP irp, CCHAR boost);
VOID NTAPI IoAcquireCancelSpinLock(PKIRQL irql);
VOID NTAPI IoReleaseCancelSpinLock(KIRQL irql);
PIRP NTAPI IoAllocateIrp(CCHAR stack_size, BOOLEAN charge_quota);
VOID NTAPI IoFreeIrp(PIRP irp);
NTSTATUS NTAPI IoCreateDevice(PDRIVER_OBJECT driver, ULONG extension_size, PUNICODE_STRING name,
                              DEVICE_TYPE type, ULONG characteristics, BOOLEAN exclusive,
                              PDEVICE_OBJECT *ret);
VOID NTAPI IoDeleteDevice(PDEVICE_OBJECT device);
PDEVICE_OBJECT NTAPI IoAttachDeviceToDeviceStack(PDEVICE_OBJECT source, PDEVICE_OBJECT target);
VOID NTAPI IoDetachDevice(PDEVICE_OBJECT target);
PDEVICE_OBJECT NTAPI IoGetAttachedDeviceReference(PDEVICE_OBJECT device);
VOID NTAPI IoStopTimer(PDEVICE_OBJECT device);

/* A rule of the I/O group with its four parameters. */
static inline uint32_t io_rule(enum vf_rule rule, uint64_t p1, uint64_t p2, uint64_t p3,
                               uint64_t p4, const char *detail)
{
    struct vf_case c = {
        .rule = rule, .p = {p1, p2, p3, p4}, .access = VF_NO_ACCESS, .detail = detail};

    return vf_report(&c);
}

static inline void io_list_init(LIST_ENTRY *head)
{
    head->Flink = head->Blink = head;
}
static inline bool io_list_is_empty(const LIST_ENTRY *head)
{
    return head->Flink == head;
}
static inline void io_list_add_tail(LIST_ENTRY *head, LIST_ENTRY *e)
{
    e->Flink = head;
    e->Blink = head->Blink;
    head->Blink->Flink = e;
    head->Blink = e;
}
static inline void io_list_remove(LIST_ENTRY *e)
{
    e->Blink->Flink = e->Flink;
    e->Flink->Blink = e->Blink;
    e->Flink = e->Blink = e;
}

#endif
