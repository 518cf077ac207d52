/*
 * Sorting, searching, random numbers and the pure-virtual call of the C runtime.
 */
#include "kernel/kernel_priv.h"

struct sorted {
    uint8_t *base;
    size_t count, width;
    uint64_t compare;
    bool with_context;
    uint64_t context;
};

static int compare(const struct sorted *s, const void *a, const void *b)
{
    if (s->with_context)
        return (int)(int32_t)ke_call(s->compare, s->context, KE_ARG(a), KE_ARG(b));
    return (int)(int32_t)ke_call(s->compare, KE_ARG(a), KE_ARG(b));
}

static uint8_t *at(const struct sorted *s, size_t i)
{
    return s->base + i * s->width;
}

static void swap(const struct sorted *s, size_t i, size_t k)
{
    uint8_t *a = at(s, i), *b = at(s, k);

    for (size_t n = 0; n < s->width; n++) {
        uint8_t t = a[n];

        a[n] = b[n];
        b[n] = t;
    }
}

static void sift_down(const struct sorted *s, size_t i, size_t end)
{
    for (size_t child; (child = 2 * i + 1) < end; i = child) {
        if (child + 1 < end && compare(s, at(s, child), at(s, child + 1)) < 0)
            child++;
        if (compare(s, at(s, i), at(s, child)) >= 0)
            return;
        swap(s, i, child);
    }
}

/* Heapsort (Williams, 1964): bounded time and no recursion, whatever the driver's compare routine
 * says. */
static void sort(const struct sorted *s)
{
    mm_check_range(s->base, s->count * s->width, true);
    for (size_t i = s->count / 2; i > 0; i--)
        sift_down(s, i - 1, s->count);
    for (size_t end = s->count; end > 1; end--) {
        swap(s, 0, end - 1);
        sift_down(s, 0, end - 1);
    }
}

static void *search(const struct sorted *s, const void *key)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int diff = compare(s, key, at(s, mid));

        if (!diff)
            return at(s, mid);
        if (diff < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

/* Doc: C runtime, qsort. Not stable, there as here. */
NT_EXPORT VOID NTAPI crt_qsort(PVOID base, SIZE_T count, SIZE_T width, PVOID routine)
{
    if (base && width && routine)
        sort(&(struct sorted){base, count, width, KE_ARG(routine), false, 0});
}

/* Doc: C runtime, qsort_s: the context comes first. */
NT_EXPORT VOID NTAPI crt_qsort_s(PVOID base, SIZE_T count, SIZE_T width, PVOID routine,
                                 PVOID context)
{
    if (base && width && routine)
        sort(&(struct sorted){base, count, width, KE_ARG(routine), true, KE_ARG(context)});
}

/* Doc: C runtime, bsearch. */
NT_EXPORT PVOID NTAPI crt_bsearch(PCVOID key, PVOID base, SIZE_T count, SIZE_T width, PVOID routine)
{
    return search(&(struct sorted){base, count, width, KE_ARG(routine), false, 0}, key);
}

/* Doc: C runtime, bsearch_s. The context is the sixth argument. */
NT_EXPORT PVOID NTAPI crt_bsearch_s(PCVOID key, PVOID base, SIZE_T count, SIZE_T width,
                                    PVOID routine, PVOID context)
{
    return search(&(struct sorted){base, count, width, KE_ARG(routine), true, KE_ARG(context)},
                  key);
}

static struct {
    ULONG seed;
} g = {1};

/* Doc: C runtime, rand: 0 to 0x7FFF, the same sequence after the same seed; 1 is the first seed.
 * The constants are those of the documented linear congruential generator. */
NT_EXPORT INT NTAPI crt_rand(void)
{
    g.seed = g.seed * 214013u + 2531011u;
    return (INT)(g.seed >> 16 & 0x7FFF);
}

NT_EXPORT VOID NTAPI crt_srand(UINT seed)
{
    g.seed = seed;
}

/* Doc: C runtime, _purecall. Nothing can go on from a call to a function that does not exist; the
 * raised status ends in a bug check unless the driver has a handler for it. */
NT_EXPORT INT NTAPI crt_purecall(void)
{
    ke_raise_status(STATUS_NOT_IMPLEMENTED);
}
