/* A driver that checks the pool interface from inside: a list of named checks, each a function. A
 * check that holds prints "NAME: ok", one that does not prints what it expected; scripts/api_rows
 * reads these lines. */
#ifndef API_H
#define API_H

#include "rule.h"

#define TAG RULE_TAG
#define HUGE 0x80000000u /* more than the machine gives at once */
#define BEYOND_A_PAGE 0x1800

/* What the header in use lacks. Doc: wdm.h, ntifs.h. */
#define POOL_NX_ALLOCATION 0x200
#define POOL_ZERO_ALLOCATION 0x400
#define POOL_FLAG_USE_QUOTA 0x1ull
#define POOL_FLAG_UNINITIALIZED 0x2ull
#define POOL_FLAG_SESSION 0x4ull
#define POOL_FLAG_CACHE_ALIGNED 0x8ull
#define POOL_FLAG_RAISE_ON_FAILURE 0x20ull
#define POOL_FLAG_NON_PAGED 0x40ull
#define POOL_FLAG_NON_PAGED_EXECUTE 0x80ull
#define POOL_FLAG_PAGED 0x100ull
#define POOL_FLAG_SPECIAL_POOL 0x100000000ull

typedef struct api_secure_params {
    HANDLE handle;
    PVOID buffer;
    ULONG_PTR cookie;
    ULONG flags;
} API_SECURE;

typedef struct api_parameter {
    ULONG64 type : 8, optional : 1, reserved : 55;
    union {
        ULONG64 value;
        API_SECURE *secure;
    };
} API_PARAMETER;
_Static_assert(sizeof(API_PARAMETER) == 16, "Doc: wdm.h, POOL_EXTENDED_PARAMETER");
enum { PARAMETER_INVALID, PARAMETER_PRIORITY, PARAMETER_SECURE, PARAMETER_NODE, PARAMETER_MAX };

NTKERNELAPI PVOID NTAPI ExAllocatePool2(ULONG64 flags, SIZE_T size, ULONG tag);
NTKERNELAPI PVOID NTAPI ExAllocatePool3(ULONG64 flags, SIZE_T size, ULONG tag,
                                        const API_PARAMETER *params, ULONG count);
NTKERNELAPI VOID NTAPI ExFreePool2(PVOID p, ULONG tag, const API_PARAMETER *params, ULONG count);
NTKERNELAPI SIZE_T NTAPI ExQueryPoolBlockSize(PVOID p, PBOOLEAN quota_charged);
NTKERNELAPI PVOID NTAPI FsRtlAllocatePoolWithTag(POOL_TYPE type, ULONG size, ULONG tag);
NTKERNELAPI PVOID NTAPI FsRtlAllocatePoolWithQuotaTag(POOL_TYPE type, ULONG size, ULONG tag);
NTSYSAPI NTSTATUS NTAPI ZwQuerySystemInformation(ULONG kind, PVOID info, ULONG length,
                                                 PULONG ret_length);

static const char *api_name;
static BOOLEAN api_bad;

#define EXPECT(condition)                                                          \
    do {                                                                           \
        if (!(condition)) {                                                        \
            DbgPrint("%s: FAILED: %s, line %d\n", api_name, #condition, __LINE__); \
            api_bad = TRUE;                                                        \
        }                                                                          \
    } while (0)

/* The status that `statement` raises, 0 when none. */
#define RAISED(status, statement)                \
    do {                                         \
        status = STATUS_SUCCESS;                 \
        __try {                                  \
            statement;                           \
        } __except (EXCEPTION_EXECUTE_HANDLER) { \
            status = GetExceptionCode();         \
        }                                        \
    } while (0)

static const struct api_check {
    const char *name;
    void (*run)(void);
} api_checks[];
#define CHECK(name) \
    {               \
#name, name \
    }
#define CHECKS(...) static const struct api_check api_checks[] = {__VA_ARGS__, {NULL, NULL}}

/* Is every byte of [p, p + size) `byte`? */
static inline BOOLEAN all_bytes(const UCHAR *p, SIZE_T size, UCHAR byte)
{
    for (SIZE_T i = 0; i < size; i++)
        if (p[i] != byte)
            return FALSE;
    return TRUE;
}

/* Writes every byte, so that a block shorter than it should be is found by the verifier. */
static inline void use(PVOID p, SIZE_T size)
{
    if (p)
        RtlFillMemory(blind(p), size, 0x5A);
}

#ifndef API_HAS_START
RULE_NOTHING_AT_START
#endif
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    ULONG failed = 0;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    for (const struct api_check *c = api_checks; c->name; c++) {
        api_name = c->name;
        api_bad = FALSE;
        c->run();
        failed += api_bad;
        if (!api_bad)
            DbgPrint("%s: ok\n", c->name);
    }
    return failed ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}

#endif
