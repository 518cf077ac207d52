/* ExAllocatePool2 and ExAllocatePool3: every flag and parameter. */
#include "api.h"

#define NONPAGED POOL_FLAG_NON_PAGED

static void put(PVOID p)
{
    EXPECT(p != NULL);
    if (p)
        ExFreePoolWithTag(p, TAG);
}

/* Fails without an exception, and with one when it is asked for. */
static void fails(ULONG64 flags, SIZE_T size, ULONG tag, NTSTATUS wanted)
{
    NTSTATUS status;
    PVOID p = &status;

    RAISED(status, p = ExAllocatePool2(flags, size, tag));
    EXPECT(status == STATUS_SUCCESS && p == NULL);
    RAISED(status, ExAllocatePool2(flags | POOL_FLAG_RAISE_ON_FAILURE, size, tag));
    EXPECT(status == wanted);
}

static void pool2(void)
{
    PUCHAR p = ExAllocatePool2(NONPAGED, 100, TAG),
           q = ExAllocatePool2(POOL_FLAG_PAGED, BEYOND_A_PAGE, TAG);

    EXPECT(p && all_bytes(p, 100, 0));
    EXPECT(q && all_bytes(q, BEYOND_A_PAGE, 0));
    use(p, 100);
    put(p);
    put(q);
    fails(NONPAGED, HUGE, TAG, STATUS_INSUFFICIENT_RESOURCES);
}

static void flag_use_quota(void)
{
    NTSTATUS status;
    PVOID p = &status;

    put(ExAllocatePool2(NONPAGED | POOL_FLAG_USE_QUOTA, 100, TAG));
    RAISED(status, p = ExAllocatePool2(NONPAGED | POOL_FLAG_USE_QUOTA, HUGE,
                                       TAG)); /* never raises by itself */
    EXPECT(status == STATUS_SUCCESS && p == NULL);
}

static void flag_uninitialized(void)
{
    PUCHAR p = ExAllocatePool2(NONPAGED | POOL_FLAG_UNINITIALIZED, 100, TAG);

    EXPECT(p && !all_bytes(p, 100, 0));
    put(p);
}

static void flag_session(void)
{
    put(ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_SESSION, 100, TAG));
}

static void flag_cache_aligned(void)
{
    PUCHAR p = ExAllocatePool2(NONPAGED | POOL_FLAG_CACHE_ALIGNED, 100, TAG);

    EXPECT(((ULONG_PTR)p & 63) == 0);
    put(p);
}

static void flag_raise_on_failure(void)
{
    put(ExAllocatePool2(NONPAGED | POOL_FLAG_RAISE_ON_FAILURE, 100, TAG));
    fails(POOL_FLAG_PAGED, HUGE, TAG, STATUS_INSUFFICIENT_RESOURCES);
}

static void flag_non_paged(void)
{
    KIRQL old;
    PVOID p;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p = ExAllocatePool2(NONPAGED, 100, TAG);
    use(p, 100);
    put(p);
    KeLowerIrql(old);
}

static void flag_non_paged_execute(void)
{
    PUCHAR p = ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 16, TAG);

    if (p) {
        *p = 0xC3;
        ((void (*)(void))blind(p))();
    }
    put(p);
}

static void flag_paged(void)
{
    PVOID p = ExAllocatePool2(POOL_FLAG_PAGED, 100, TAG);

    use(p, 100);
    put(p);
}

static void flags_reserved(void)
{
    fails(NONPAGED | 0x10, 100, TAG, STATUS_INVALID_PARAMETER);
    fails(NONPAGED | 0x200, 100, TAG, STATUS_INVALID_PARAMETER);
    fails(NONPAGED | 0x400, 100, TAG, STATUS_INVALID_PARAMETER);
}

static void flags_unknown_required(void)
{
    for (ULONG64 bit = 0x800; bit <= 0x80000000; bit <<= 1)
        EXPECT(ExAllocatePool2(NONPAGED | bit, 100, TAG) == NULL);
    fails(NONPAGED | 0x80000000, 100, TAG, STATUS_INVALID_PARAMETER);
}

static void flags_unknown_optional(void)
{
    put(ExAllocatePool2(NONPAGED | POOL_FLAG_SPECIAL_POOL, 100, TAG));
    put(ExAllocatePool2(NONPAGED | 0x200000000, 100, TAG));
    put(ExAllocatePool2(NONPAGED | 0x8000000000000000, 100, TAG));
}

static void exactly_one_kind(void)
{
    fails(0, 100, TAG, STATUS_INVALID_PARAMETER);
    fails(NONPAGED | POOL_FLAG_PAGED, 100, TAG, STATUS_INVALID_PARAMETER);
    fails(NONPAGED | POOL_FLAG_NON_PAGED_EXECUTE, 100, TAG, STATUS_INVALID_PARAMETER);
}

static void bad_tags_fail(void)
{
    fails(NONPAGED, 100, 0, STATUS_INVALID_PARAMETER);
    fails(NONPAGED, 100, 0x20474942, STATUS_INVALID_PARAMETER); /* "BIG " */
    fails(NONPAGED, 100, '....', STATUS_INVALID_PARAMETER);
}

/* ---- ExAllocatePool3 ---- */

static void pool3(void)
{
    PUCHAR p = ExAllocatePool3(NONPAGED, 100, TAG, NULL, 0);
    NTSTATUS status;

    EXPECT(p && all_bytes(p, 100, 0));
    put(p);
    EXPECT(ExAllocatePool3(NONPAGED, HUGE, TAG, NULL, 0) == NULL);
    RAISED(status, ExAllocatePool3(NONPAGED | POOL_FLAG_RAISE_ON_FAILURE, HUGE, TAG, NULL, 0));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
}

static void parameter_priority(void)
{
    static const int levels[] = {0, 8, 9, 16, 24, 25, 32, 40, 41};

    for (int i = 0; i < 9; i++) {
        API_PARAMETER a = {.type = PARAMETER_PRIORITY, .value = levels[i]};

        put(ExAllocatePool3(POOL_FLAG_PAGED, 100, TAG, &a, 1));
    }
}

static void parameter_node(void)
{
    API_PARAMETER a = {.type = PARAMETER_NODE, .value = 0};

    put(ExAllocatePool3(NONPAGED, 100, TAG, &a, 1));
    a.value = 0x80000000; /* any node will do */
    put(ExAllocatePool3(NONPAGED, 100, TAG, &a, 1));
    EXPECT(ExAllocatePool3(POOL_FLAG_PAGED, 100, TAG, &a, 1) == NULL); /* nonpaged only */
    a.optional = 1;
    put(ExAllocatePool3(POOL_FLAG_PAGED, 100, TAG, &a, 1));
}

static void parameter_unsupported(void)
{
    static const int types[] = {PARAMETER_INVALID, PARAMETER_MAX, 200};
    NTSTATUS status;

    for (int i = 0; i < 3; i++) {
        API_PARAMETER a = {.type = types[i]};

        EXPECT(ExAllocatePool3(NONPAGED, 100, TAG, &a, 1) == NULL);
        RAISED(status, ExAllocatePool3(NONPAGED | POOL_FLAG_RAISE_ON_FAILURE, 100, TAG, &a, 1));
        EXPECT(status == STATUS_INVALID_PARAMETER);
        a.optional = 1;
        put(ExAllocatePool3(NONPAGED, 100, TAG, &a, 1));
    }
}

static void parameters_several(void)
{
    API_PARAMETER a[3] = {{.type = PARAMETER_PRIORITY, .value = 32},
                          {.type = 99, .optional = 1},
                          {.type = PARAMETER_NODE}};

    put(ExAllocatePool3(NONPAGED, 100, TAG, a, 3));
    a[1].optional = 0;
    EXPECT(ExAllocatePool3(NONPAGED, 100, TAG, a, 3) == NULL);
}

CHECKS(CHECK(pool2), CHECK(flag_use_quota), CHECK(flag_uninitialized), CHECK(flag_session),
       CHECK(flag_cache_aligned), CHECK(flag_raise_on_failure), CHECK(flag_non_paged),
       CHECK(flag_non_paged_execute), CHECK(flag_paged), CHECK(flags_reserved),
       CHECK(flags_unknown_required), CHECK(flags_unknown_optional), CHECK(exactly_one_kind),
       CHECK(bad_tags_fail), CHECK(pool3), CHECK(parameter_priority), CHECK(parameter_node),
       CHECK(parameter_unsupported), CHECK(parameters_several));
