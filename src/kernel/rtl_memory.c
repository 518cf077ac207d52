/*
 * Memory routines. All of them check the pool block they are given before they touch it; the check
 * is in mm_copy and mm_fill, or here where neither fits.
 */
#include "kernel/kernel_priv.h"

/* C4/F0. A copy onto itself is what compilers make of an assignment of a structure to itself. */
static void check_overlap(uint64_t dst, uint64_t src, SIZE_T size)
{
    const struct ke_image *im;
    struct vf_case c = {.rule = VF_VER_COPY_OVERLAP, .p = {0, dst, src, size}, .access = VF_NO_ACCESS};

    if (dst == src || (dst - src >= size && src - dst >= size))
        return;
    im = ke_image_current();
    if (im && im->is_verified)
        (void)vf_report(&c);
}

/* Doc: nf-wdm-rtlcopymemory; also memcpy and RtlCopyMemoryNonTemporal. Overlapping is the caller's
 * mistake; here it is harmless. */
NT_EXPORT PVOID NTAPI RtlCopyMemory(PVOID dst, PCVOID src, SIZE_T size)
{
    check_overlap(KE_ARG(dst), KE_ARG(src), size);
    mm_copy(dst, src, size);
    return dst;
}

/* Doc: nf-wdm-rtlmovememory; also memmove. */
NT_EXPORT PVOID NTAPI RtlMoveMemory(PVOID dst, PCVOID src, SIZE_T size)
{
    mm_copy(dst, src, size);
    return dst;
}

/* Doc: nf-wdm-rtlfillmemory. The byte comes last. */
NT_EXPORT VOID NTAPI RtlFillMemory(PVOID dst, SIZE_T size, INT byte)
{
    mm_fill(dst, byte, size);
}

/* Doc: nf-wdm-rtlzeromemory; also RtlSecureZeroMemory's import on old systems. */
NT_EXPORT VOID NTAPI RtlZeroMemory(PVOID dst, SIZE_T size)
{
    mm_fill(dst, 0, size);
}

/* Doc: nf-ntifs-rtlfillmemoryulong. Whole ULONGs only. */
NT_EXPORT VOID NTAPI RtlFillMemoryUlong(PVOID dst, SIZE_T size, ULONG pattern)
{
    PULONG p = dst;

    mm_check_range(dst, size & ~(SIZE_T)3, true);
    for (SIZE_T i = 0; i < size / sizeof *p; i++)
        p[i] = pattern;
}

/* Doc: nf-ntifs-rtlfillmemoryulonglong. */
NT_EXPORT VOID NTAPI RtlFillMemoryUlonglong(PVOID dst, SIZE_T size, ULONGLONG pattern)
{
    PULONGLONG p = dst;

    mm_check_range(dst, size & ~(SIZE_T)7, true);
    for (SIZE_T i = 0; i < size / sizeof *p; i++)
        p[i] = pattern;
}

/* Doc: nf-wdm-rtlcomparememory. How many leading bytes are equal. */
NT_EXPORT SIZE_T NTAPI RtlCompareMemory(PCVOID a, PCVOID b, SIZE_T size)
{
    const uint8_t *x = a, *y = b;
    SIZE_T i = 0;

    mm_check_range(a, size, false);
    mm_check_range(b, size, false);
    while (i < size && x[i] == y[i])
        i++;
    return i;
}

/* Doc: nf-ntifs-rtlcomparememoryulong. Bytes of leading ULONGs that equal the pattern. Seen: on x64
 * neither the address nor the size need be a multiple of 4, contrary to the page; the size is
 * rounded down. */
NT_EXPORT SIZE_T NTAPI RtlCompareMemoryUlong(PVOID p, SIZE_T size, ULONG pattern)
{
    const uint8_t *x = p;
    SIZE_T i = 0;

    size &= ~(SIZE_T)3;
    mm_check_range(p, size, false);
    while (i < size && pp_load32(x + i) == pattern)
        i += sizeof pattern;
    return i;
}

/* Doc: nf-wdm-rtlprefetchmemorynontemporal. A hint only: nothing is touched. */
NT_EXPORT VOID NTAPI RtlPrefetchMemoryNonTemporal(PVOID p, SIZE_T size)
{
    (void)p;
    (void)size;
}

NT_EXPORT PVOID NTAPI crt_memset(PVOID dst, INT byte, SIZE_T size)
{
    mm_fill(dst, byte, size);
    return dst;
}

NT_EXPORT INT NTAPI crt_memcmp(PCVOID a, PCVOID b, SIZE_T size)
{
    mm_check_range(a, size, false);
    mm_check_range(b, size, false);
    return __builtin_memcmp(a, b, size);
}

/* Reads no further than the hit, as C has it since 2011, so only that far is checked. */
NT_EXPORT PVOID NTAPI crt_memchr(PCVOID p, INT byte, SIZE_T size)
{
    const uint8_t *x = p;
    SIZE_T i = 0;

    while (i < size && x[i] != (uint8_t)byte)
        i++;
    mm_check_range(p, i < size ? i + 1 : size, false);
    return i < size ? (PVOID)(uintptr_t)(x + i) : NULL;
}

enum { CRT_EINVAL = 22, CRT_ERANGE = 34 };

/* Doc: C runtime, memcpy_s. On failure the destination is zeroed where there is one. */
NT_EXPORT INT NTAPI crt_memcpy_s(PVOID dst, SIZE_T room, PCVOID src, SIZE_T size)
{
    if (!size)
        return 0;
    if (!dst)
        return CRT_EINVAL;
    if (!src || room < size) {
        mm_fill(dst, 0, room);
        return src ? CRT_ERANGE : CRT_EINVAL;
    }
    mm_copy(dst, src, size);
    return 0;
}

/* Doc: C runtime, memmove_s. On failure the destination stays as it is. */
NT_EXPORT INT NTAPI crt_memmove_s(PVOID dst, SIZE_T room, PCVOID src, SIZE_T size)
{
    if (!size)
        return 0;
    if (!dst || !src)
        return CRT_EINVAL;
    if (room < size)
        return CRT_ERANGE;
    mm_copy(dst, src, size);
    return 0;
}
