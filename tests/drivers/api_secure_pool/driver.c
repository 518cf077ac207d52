/* Secure pool: creation, contents, updates, validation, freeing, and each way to be refused. */
#include "api.h"

NTKERNELAPI NTSTATUS NTAPI ExCreatePool(ULONG flags, ULONG_PTR tag, PVOID params, HANDLE *ret);
NTKERNELAPI VOID NTAPI ExDestroyPool(HANDLE pool);
NTKERNELAPI NTSTATUS NTAPI ExSecurePoolUpdate(HANDLE pool, ULONG tag, PVOID p, ULONG_PTR cookie,
                                              SIZE_T offset, SIZE_T size, PVOID from);
NTKERNELAPI ULONG NTAPI ExSecurePoolValidate(HANDLE pool, ULONG tag, PVOID p, ULONG_PTR cookie);

#define COOKIE 0x1122334455667788ull
enum { SECURE = 1, GLOBAL = 2, FREEABLE = 1, MODIFIABLE = 2 };

static PUCHAR take(HANDLE pool, ULONG flags, PVOID contents, SIZE_T size)
{
    API_SECURE s = {pool, contents, COOKIE, flags};
    API_PARAMETER a = {.type = PARAMETER_SECURE, .secure = &s};

    return ExAllocatePool3(POOL_FLAG_NON_PAGED, size, TAG, &a, 1);
}

static void give(HANDLE pool, PVOID p)
{
    API_SECURE s = {pool, NULL, COOKIE, 0};
    API_PARAMETER a = {.type = PARAMETER_SECURE, .secure = &s};

    ExFreePool2(p, TAG, &a, 1);
}

static void create_and_destroy(void)
{
    HANDLE one = NULL, two = NULL, global = NULL;
    struct {
        ULONG version, count;
        PVOID list;
    } params = {1, 0, NULL};

    EXPECT(ExCreatePool(SECURE, TAG, NULL, &one) == STATUS_SUCCESS && one != NULL);
    EXPECT(ExCreatePool(SECURE, TAG, &params, &two) == STATUS_SUCCESS && two != one);
    EXPECT(ExCreatePool(SECURE | GLOBAL, TAG, NULL, &global) == STATUS_SUCCESS);
    ExDestroyPool(one);
    ExDestroyPool(two);
    ExDestroyPool(global);
}

static void create_refused(void)
{
    HANDLE pool = (HANDLE)7;
    ULONG params[4] = {2, 0, 0, 0};

    EXPECT(ExCreatePool(0, TAG, NULL, &pool) == STATUS_INVALID_PARAMETER_1);
    EXPECT(ExCreatePool(GLOBAL, TAG, NULL, &pool) == STATUS_INVALID_PARAMETER_1);
    EXPECT(ExCreatePool(SECURE, TAG, params, &pool) == STATUS_INVALID_PARAMETER);
    EXPECT(pool == (HANDLE)7);
}

static void allocate_with_contents(void)
{
    static UCHAR contents[200];
    HANDLE pool;
    PUCHAR p, q;

    RtlFillMemory(contents, sizeof contents, 0x33);
    EXPECT(NT_SUCCESS(ExCreatePool(SECURE, TAG, NULL, &pool)));
    p = take(pool, FREEABLE, contents, sizeof contents);
    q = take(pool, FREEABLE, NULL, 200);
    EXPECT(p && all_bytes(p, 200, 0x33));
    EXPECT(q && all_bytes(q, 200, 0));
    give(pool, p);
    give(pool, q);
    ExDestroyPool(pool);
}

static void allocate_refused(void)
{
    API_PARAMETER a = {.type = PARAMETER_SECURE};
    HANDLE pool;

    EXPECT(take((HANDLE)0x1234, FREEABLE, NULL, 100) == NULL); /* no such pool */
    EXPECT(NT_SUCCESS(ExCreatePool(SECURE, TAG, NULL, &pool)));
    EXPECT(take(pool, 0x80, NULL, 100) == NULL); /* no such flag */
    EXPECT(take(pool, FREEABLE, NULL, HUGE) == NULL);
    EXPECT(ExAllocatePool3(POOL_FLAG_NON_PAGED, 100, TAG, &a, 1) == NULL); /* no parameters */
    ExDestroyPool(pool);
}

static void update(void)
{
    static UCHAR text[] = "0123456789";
    HANDLE pool;
    PUCHAR p;

    EXPECT(NT_SUCCESS(ExCreatePool(SECURE, TAG, NULL, &pool)));
    p = take(pool, FREEABLE | MODIFIABLE, NULL, 100);
    EXPECT(p != NULL);
    EXPECT(ExSecurePoolUpdate(pool, TAG, p, COOKIE, 20, 10, text) == STATUS_SUCCESS);
    EXPECT(p && all_bytes(p, 20, 0) && p[20] == '0' && p[29] == '9' && all_bytes(p + 30, 70, 0));
    EXPECT(ExSecurePoolUpdate(pool, TAG, p, COOKIE, 91, 10, text) == STATUS_INVALID_PARAMETER);
    EXPECT(ExSecurePoolUpdate(pool, TAG, p, COOKIE + 1, 0, 1, text) == STATUS_INVALID_PARAMETER);
    EXPECT(ExSecurePoolUpdate(pool, TAG + 1, p, COOKIE, 0, 1, text) == STATUS_INVALID_PARAMETER);
    EXPECT(ExSecurePoolUpdate(pool, TAG, p + 16, COOKIE, 0, 1, text) == STATUS_INVALID_PARAMETER);
    EXPECT(p && p[0] == 0);
    give(pool, p);
    ExDestroyPool(pool);
}

static void update_wants_modifiable(void)
{
    static UCHAR text[] = "x";
    HANDLE pool;
    PUCHAR p;

    EXPECT(NT_SUCCESS(ExCreatePool(SECURE, TAG, NULL, &pool)));
    p = take(pool, FREEABLE, NULL, 100);
    EXPECT(ExSecurePoolUpdate(pool, TAG, p, COOKIE, 0, 1, text) == STATUS_ACCESS_DENIED);
    EXPECT(p && p[0] == 0);
    give(pool, p);
    ExDestroyPool(pool);
}

static void validate(void)
{
    HANDLE pool, other;
    PUCHAR p;

    EXPECT(NT_SUCCESS(ExCreatePool(SECURE, TAG, NULL, &pool)));
    EXPECT(NT_SUCCESS(ExCreatePool(SECURE, TAG, NULL, &other)));
    p = take(pool, FREEABLE, NULL, 100);
    EXPECT(ExSecurePoolValidate(pool, TAG, p, COOKIE) != FALSE);
    EXPECT(ExSecurePoolValidate(other, TAG, p, COOKIE) == FALSE);
    EXPECT(ExSecurePoolValidate(pool, TAG + 1, p, COOKIE) == FALSE);
    EXPECT(ExSecurePoolValidate(pool, TAG, p + 8, COOKIE) == FALSE);
    EXPECT(ExSecurePoolValidate(pool, TAG, p, COOKIE ^ 1) == FALSE);
    give(pool, p);
    EXPECT(ExSecurePoolValidate(pool, TAG, p, COOKIE) == FALSE);
    ExDestroyPool(pool);
    ExDestroyPool(other);
}

/* What is still there goes with the pool. */
static void destroy_takes_blocks_along(void)
{
    HANDLE pool;
    PUCHAR p;

    EXPECT(NT_SUCCESS(ExCreatePool(SECURE, TAG, NULL, &pool)));
    p = take(pool, 0, NULL, 100);
    EXPECT(p && MmIsAddressValid(p));
    ExDestroyPool(pool);
    EXPECT(!MmIsAddressValid(p));
}

CHECKS(CHECK(create_and_destroy), CHECK(create_refused), CHECK(allocate_with_contents),
       CHECK(allocate_refused), CHECK(update), CHECK(update_wants_modifiable), CHECK(validate),
       CHECK(destroy_takes_blocks_along));
