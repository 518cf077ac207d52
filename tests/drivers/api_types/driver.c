/* Every POOL_TYPE that may be asked for, and every modifier bit. */
#include "api.h"

static PUCHAR get(ULONG type, SIZE_T size)
{
    PUCHAR p = ExAllocatePoolWithTag(type, size, TAG);

    EXPECT(p != NULL);
    use(p, size);
    return p;
}

static void put(PVOID p)
{
    if (p)
        ExFreePoolWithTag(p, TAG);
}

static void plain(ULONG type)
{
    put(get(type, 80));
    put(get(type, BEYOND_A_PAGE));
}

static void aligned(ULONG type)
{
    PUCHAR p = get(type, 80), q = get(type, 200);

    EXPECT(((ULONG_PTR)p & 63) == 0 && ((ULONG_PTR)q & 63) == 0);
    put(p);
    put(q);
}

/* Executable: a `ret` that is called comes back. */
static void run_block(ULONG type)
{
    PUCHAR p = get(type, 16);

    if (!p)
        return;
    *p = 0xC3;
    ((void (*)(void))blind(p))();
    put(p);
}

static void type_0_nonpaged_executable(void)
{
    plain(0);
    run_block(0);
}

static void type_1_paged(void)
{
    plain(1);
}

static void type_4_nonpaged_cache_aligned(void)
{
    aligned(4);
    run_block(4);
}

static void type_5_paged_cache_aligned(void)
{
    aligned(5);
}

static void type_32_session(void)
{
    plain(32);
    run_block(32);
}

static void type_33_paged_session(void)
{
    plain(33);
}

static void type_36_session_cache_aligned(void)
{
    aligned(36);
}

static void type_37_paged_session_cache_aligned(void)
{
    aligned(37);
}

static void type_512_nx(void)
{
    plain(512);
}

static void type_516_nx_cache_aligned(void)
{
    aligned(516);
}

static void type_544_session_nx(void)
{
    plain(544);
}

/* ---- Modifiers ---- */

static void bit_8_fail_instead_of_raise(void)
{
    NTSTATUS status;
    PVOID p = &status;

    RAISED(status, p = ExAllocatePoolWithQuotaTag(NonPagedPoolNx | 8, HUGE, TAG));
    EXPECT(status == STATUS_SUCCESS && p == NULL);
    plain(512 | 8); /* without quota it changes nothing */
}

static void bit_10_raise(void)
{
    NTSTATUS status;

    RAISED(status, ExAllocatePoolWithTag(PagedPool | 0x10, HUGE, TAG));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
    plain(1 | 0x10);
}

static void bit_100_cold(void)
{
    plain(0x100 | 1);
    plain(0x100 | 512);
}

static void bit_200_nx(void)
{
    aligned(0x200 | 4);
    plain(0x200 | 1);
}

static void bit_400_zero(void)
{
    PUCHAR p = ExAllocatePoolWithTag(0x400 | 5, 96, TAG),
           q = ExAllocatePoolWithTag(0x400, PAGE_SIZE, TAG);

    EXPECT(p && all_bytes(p, 96, 0));
    EXPECT(q && all_bytes(q, PAGE_SIZE, 0));
    put(p);
    put(q);
}

static void all_modifiers_at_once(void)
{
    PUCHAR p = ExAllocatePoolWithTag(0x400 | 0x200 | 0x100 | 0x10 | 0x8 | 4, 96, TAG);

    EXPECT(p && all_bytes(p, 96, 0) && ((ULONG_PTR)p & 63) == 0);
    put(p);
}

CHECKS(CHECK(type_0_nonpaged_executable), CHECK(type_1_paged), CHECK(type_4_nonpaged_cache_aligned),
       CHECK(type_5_paged_cache_aligned), CHECK(type_32_session), CHECK(type_33_paged_session),
       CHECK(type_36_session_cache_aligned), CHECK(type_37_paged_session_cache_aligned),
       CHECK(type_512_nx), CHECK(type_516_nx_cache_aligned), CHECK(type_544_session_nx),
       CHECK(bit_8_fail_instead_of_raise), CHECK(bit_10_raise), CHECK(bit_100_cold),
       CHECK(bit_200_nx), CHECK(bit_400_zero), CHECK(all_modifiers_at_once));
