/* Quota: what is charged to whom, how much, and what happens when the charge is refused. How much
 * of a process' quota is left shows by charging it: no routine tells. */
#define API_HAS_START
#include "api.h"

NTKERNELAPI NTSTATUS NTAPI PsChargeProcessPoolQuota(PVOID process, POOL_TYPE type, SIZE_T amount);
NTKERNELAPI VOID NTAPI PsChargePoolQuota(PVOID process, POOL_TYPE type, SIZE_T amount);
NTKERNELAPI VOID NTAPI PsReturnPoolQuota(PVOID process, POOL_TYPE type, SIZE_T amount);

/* KAPC_STATE has 0x30 bytes on x64. */
struct apc_state {
    ULONG64 room[6];
};
NTKERNELAPI VOID NTAPI KeStackAttachProcess(PVOID process, struct apc_state *state);
NTKERNELAPI VOID NTAPI KeUnstackDetachProcess(struct apc_state *state);

static PVOID system_process;

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    system_process = PsInitialSystemProcess;
    return STATUS_SUCCESS;
}

/* The most that can still be charged. */
static SIZE_T room(PVOID process, POOL_TYPE type)
{
    SIZE_T low = 0, high = (SIZE_T)1 << 40;

    while (low + 1 < high) {
        SIZE_T middle = low + (high - low) / 2;

        if (NT_SUCCESS(PsChargeProcessPoolQuota(process, type, middle))) {
            PsReturnPoolQuota(process, type, middle);
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static SIZE_T my_room(POOL_TYPE type)
{
    return room(IoGetCurrentProcess(), type);
}

/* What a block takes of the quota while it is there; and afterwards nothing. */
static SIZE_T charged(POOL_TYPE type, SIZE_T size)
{
    SIZE_T before = my_room(type), with;
    PVOID p = ExAllocatePoolWithQuotaTag(type, size, TAG);

    use(p, size);
    with = my_room(type);
    ExFreePoolWithTag(p, TAG);
    EXPECT(my_room(type) == before);
    return before - with;
}

static void amount_is_the_whole_block(void)
{
    EXPECT(charged(NonPagedPoolNx, 100) == 128); /* 100, a header and the process, in units of 16 */
    EXPECT(charged(NonPagedPoolNx, 1) == 32);
    EXPECT(charged(PagedPool, 104) == 128);
    EXPECT(charged(PagedPool, 0xFD8) == 0xFF0);
}

static void kinds_are_apart(void)
{
    SIZE_T paged = my_room(PagedPool), nonpaged = my_room(NonPagedPool);
    PVOID p = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG);

    EXPECT(my_room(PagedPool) == paged - 128 && my_room(NonPagedPool) == nonpaged);
    ExFreePoolWithTag(p, TAG);
}

static void pages_are_not_charged(void)
{
    EXPECT(charged(NonPagedPoolNx, PAGE_SIZE) == 0);
    EXPECT(charged(PagedPool, 3 * PAGE_SIZE) == 0);
}

static void pool2_is_charged(void)
{
    SIZE_T before = my_room(PagedPool);
    PVOID p = ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_USE_QUOTA, 100, TAG);

    EXPECT(my_room(PagedPool) == before - 128);
    ExFreePoolWithTag(p, TAG);
    EXPECT(my_room(PagedPool) == before);
}

static void mdl_is_charged(void)
{
    SIZE_T before = my_room(NonPagedPool);
    PMDL mdl = IoAllocateMdl(blind(&before), 16, FALSE, TRUE, NULL);

    EXPECT(mdl != NULL && my_room(NonPagedPool) < before);
    if (mdl)
        IoFreeMdl(mdl);
    EXPECT(my_room(NonPagedPool) == before);
}

static void block_says_charged(void)
{
    BOOLEAN yes = FALSE;
    PVOID p = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG);

    (void)ExQueryPoolBlockSize(p, &yes);
    EXPECT(yes == TRUE);
    ExFreePoolWithTag(p, TAG);
}

/* Freed while attached to another process: the one that was charged gets it back. */
static void returned_to_who_paid(void)
{
    struct apc_state state;
    SIZE_T before = my_room(PagedPool);
    PVOID p = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG);

    KeStackAttachProcess(system_process, &state);
    ExFreePoolWithTag(p, TAG);
    KeUnstackDetachProcess(&state);
    EXPECT(my_room(PagedPool) == before);
}

static void system_is_never_charged(void)
{
    struct apc_state state;
    SIZE_T before = room(system_process, PagedPool);
    PVOID p;

    KeStackAttachProcess(system_process, &state);
    p = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG);
    KeUnstackDetachProcess(&state);
    EXPECT(p != NULL);
    EXPECT(room(system_process, PagedPool) == before);
    ExFreePoolWithTag(p, TAG);
}

static void refused_charge_raises(void)
{
    PVOID process = IoGetCurrentProcess(), p = &process;
    SIZE_T most = my_room(PagedPool);
    NTSTATUS status;

    EXPECT(NT_SUCCESS(PsChargeProcessPoolQuota(process, PagedPool, most)));
    EXPECT(PsChargeProcessPoolQuota(process, PagedPool, 1) == STATUS_QUOTA_EXCEEDED);
    RAISED(status, PsChargePoolQuota(process, PagedPool, 1));
    EXPECT(status == STATUS_QUOTA_EXCEEDED);
    RAISED(status, ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG));
    EXPECT(status == STATUS_QUOTA_EXCEEDED);
    RAISED(status,
           p = ExAllocatePoolWithQuotaTag(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, 100, TAG));
    EXPECT(status == STATUS_SUCCESS && p == NULL);
    RAISED(status, p = ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_USE_QUOTA, 100, TAG));
    EXPECT(status == STATUS_SUCCESS && p == NULL);
    RAISED(status,
           ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_USE_QUOTA | POOL_FLAG_RAISE_ON_FAILURE, 100,
                           TAG));
    EXPECT(status == STATUS_QUOTA_EXCEEDED);
    p = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, 100, TAG); /* the other kind has room */
    EXPECT(p != NULL);
    ExFreePoolWithTag(p, TAG);
    PsReturnPoolQuota(process, PagedPool, most);
    EXPECT(my_room(PagedPool) == most);
}

static void failed_block_is_not_charged(void)
{
    SIZE_T before = my_room(PagedPool);
    NTSTATUS status;

    RAISED(status, ExAllocatePoolWithQuotaTag(PagedPool, HUGE, TAG));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES && my_room(PagedPool) == before);
}

CHECKS(CHECK(amount_is_the_whole_block), CHECK(kinds_are_apart), CHECK(pages_are_not_charged),
       CHECK(pool2_is_charged), CHECK(mdl_is_charged), CHECK(block_says_charged),
       CHECK(returned_to_who_paid), CHECK(system_is_never_charged), CHECK(refused_charge_raises),
       CHECK(failed_block_is_not_charged));
