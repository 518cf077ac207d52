/*
 * Bit maps: a size in bits and an array of 32-bit words, least significant bit first. The words a
 * call touches are checked against the pool block that holds them.
 *
 * Nearly everything is expressed through one step: the next position, from a given one, where the
 * bits change from or to a value.
 */
#include "kernel/kernel_priv.h"

enum { WORD_BITS = 32 };
#define NONE 0xFFFFFFFFu

static bool bit(const RTL_BITMAP *map, ULONG i)
{
    return map->Buffer[i / WORD_BITS] >> (i % WORD_BITS) & 1;
}

static void check(const RTL_BITMAP *map, ULONG start, ULONG count, bool is_write)
{
    ULONG first = start / WORD_BITS;
    uint64_t end = ((uint64_t)start + count + WORD_BITS - 1) / WORD_BITS;

    if (count)
        mm_check_range(map->Buffer + first, (end - first) * sizeof(ULONG), is_write);
}

static void check_all(const RTL_BITMAP *map, bool is_write)
{
    mm_check_range(map, sizeof *map, false);
    check(map, 0, map->SizeOfBitMap, is_write);
}

/* First position in [from, end) whose bit is `value`; `end` when there is none. */
static ULONG next_equal(const RTL_BITMAP *map, ULONG from, ULONG end, bool value)
{
    while (from < end) {
        ULONG word = map->Buffer[from / WORD_BITS];

        if (!value)
            word = ~word;
        word &= ~0u << (from % WORD_BITS);
        if (word) {
            from = from / WORD_BITS * WORD_BITS + (ULONG)__builtin_ctz(word);
            return PP_MIN(from, end);
        }
        from = (from / WORD_BITS + 1) * WORD_BITS;
    }
    return end;
}

static void fill(const RTL_BITMAP *map, ULONG start, ULONG count, bool value)
{
    while (count) {
        ULONG shift = start % WORD_BITS;
        ULONG n = PP_MIN(count, WORD_BITS - shift);
        ULONG mask = (n == WORD_BITS ? ~0u : (1u << n) - 1) << shift;

        if (value)
            map->Buffer[start / WORD_BITS] |= mask;
        else
            map->Buffer[start / WORD_BITS] &= ~mask;
        start += n;
        count -= n;
    }
}

/* Doc: nf-wdm-rtlinitializebitmap. The bits themselves stay as they are. */
NT_EXPORT VOID NTAPI RtlInitializeBitMap(PRTL_BITMAP map, PULONG buffer, ULONG bits)
{
    mm_check_range(map, sizeof *map, true);
    map->SizeOfBitMap = bits;
    map->Buffer = buffer;
}

/* Doc: nf-wdm-rtlclearbit. */
NT_EXPORT VOID NTAPI RtlClearBit(PRTL_BITMAP map, ULONG i)
{
    check(map, i, 1, true);
    fill(map, i, 1, false);
}

/* Doc: nf-wdm-rtlsetbit. */
NT_EXPORT VOID NTAPI RtlSetBit(PRTL_BITMAP map, ULONG i)
{
    check(map, i, 1, true);
    fill(map, i, 1, true);
}

/* Doc: nf-wdm-rtltestbit. */
NT_EXPORT BOOLEAN NTAPI RtlTestBit(const RTL_BITMAP *map, ULONG i)
{
    check(map, i, 1, false);
    return bit(map, i);
}

/* Doc: nf-wdm-rtlclearallbits. Whole words. */
NT_EXPORT VOID NTAPI RtlClearAllBits(PRTL_BITMAP map)
{
    check_all(map, true);
    for (ULONG i = 0; i < (map->SizeOfBitMap + WORD_BITS - 1) / WORD_BITS; i++)
        map->Buffer[i] = 0;
}

/* Doc: nf-wdm-rtlsetallbits. Whole words. */
NT_EXPORT VOID NTAPI RtlSetAllBits(PRTL_BITMAP map)
{
    check_all(map, true);
    for (ULONG i = 0; i < (map->SizeOfBitMap + WORD_BITS - 1) / WORD_BITS; i++)
        map->Buffer[i] = ~0u;
}

/* Doc: nf-wdm-rtlclearbits. */
NT_EXPORT VOID NTAPI RtlClearBits(PRTL_BITMAP map, ULONG start, ULONG count)
{
    check(map, start, count, true);
    fill(map, start, count, false);
}

/* Doc: nf-wdm-rtlsetbits. */
NT_EXPORT VOID NTAPI RtlSetBits(PRTL_BITMAP map, ULONG start, ULONG count)
{
    check(map, start, count, true);
    fill(map, start, count, true);
}

/* Start of the first run of `count` bits equal to `value` in [from, end), or NONE. */
static ULONG find_run(const RTL_BITMAP *map, ULONG from, ULONG end, ULONG count, bool value)
{
    while (from < end && end - from >= count) {
        ULONG start = next_equal(map, from, end, value);
        ULONG stop;

        if (end - start < count)
            break;
        stop = next_equal(map, start, end, !value);
        if (stop - start >= count)
            return start;
        from = stop;
    }
    return NONE;
}

/* From the hint to the end, then from the beginning. Nothing to find gives the hint's byte
 * boundary. */
static ULONG find(const RTL_BITMAP *map, ULONG count, ULONG hint, bool value)
{
    ULONG size = map->SizeOfBitMap, found;

    check_all(map, false);
    if (hint >= size)
        hint = 0;
    if (!count)
        return hint & ~7u;
    found = find_run(map, hint, size, count, value);
    if (found == NONE && hint)
        found = find_run(map, 0, (ULONG)PP_MIN((uint64_t)hint + count - 1, size), count, value);
    return found;
}

/* Doc: nf-wdm-rtlfindclearbits. */
NT_EXPORT ULONG NTAPI RtlFindClearBits(const RTL_BITMAP *map, ULONG count, ULONG hint)
{
    return find(map, count, hint, false);
}

/* Doc: nf-wdm-rtlfindsetbits. */
NT_EXPORT ULONG NTAPI RtlFindSetBits(const RTL_BITMAP *map, ULONG count, ULONG hint)
{
    return find(map, count, hint, true);
}

/* Doc: nf-wdm-rtlfindclearbitsandset. */
NT_EXPORT ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP map, ULONG count, ULONG hint)
{
    ULONG found = find(map, count, hint, false);

    if (found != NONE)
        RtlSetBits(map, found, count);
    return found;
}

/* Doc: nf-wdm-rtlfindsetbitsandclear. */
NT_EXPORT ULONG NTAPI RtlFindSetBitsAndClear(PRTL_BITMAP map, ULONG count, ULONG hint)
{
    ULONG found = find(map, count, hint, true);

    if (found != NONE)
        RtlClearBits(map, found, count);
    return found;
}

/* Put `run` in its place among `runs` [*used], longest first; the shortest falls out at `max`. */
static void keep_longest(RTL_BITMAP_RUN *runs, ULONG *used, ULONG max, RTL_BITMAP_RUN run)
{
    ULONG i = *used;

    if (i == max) {
        if (runs[max - 1].NumberOfBits >= run.NumberOfBits)
            return;
        i--;
    } else {
        (*used)++;
    }
    for (; i && runs[i - 1].NumberOfBits < run.NumberOfBits; i--)
        runs[i] = runs[i - 1];
    runs[i] = run;
}

/* Doc: nf-wdm-rtlfindclearruns. */
NT_EXPORT ULONG NTAPI RtlFindClearRuns(const RTL_BITMAP *map, PRTL_BITMAP_RUN runs, ULONG max,
                                       BOOLEAN longest)
{
    ULONG size = map->SizeOfBitMap, used = 0;

    check_all(map, false);
    mm_check_range(runs, max * sizeof *runs, true);
    for (ULONG at = next_equal(map, 0, size, false); at < size && max;) {
        ULONG stop = next_equal(map, at, size, true);
        RTL_BITMAP_RUN run = {at, stop - at};

        if (longest)
            keep_longest(runs, &used, max, run);
        else
            runs[used++] = run;
        if (!longest && used == max)
            break;
        at = next_equal(map, stop, size, false);
    }
    return used;
}

/* Doc: nf-wdm-rtlfindlongestrunclear. */
NT_EXPORT ULONG NTAPI RtlFindLongestRunClear(const RTL_BITMAP *map, PULONG ret_start)
{
    RTL_BITMAP_RUN run;

    if (!RtlFindClearRuns(map, &run, 1, TRUE))
        return 0;
    *ret_start = run.StartingIndex;
    return run.NumberOfBits;
}

/* Doc: nf-wdm-rtlfindnextforwardrunclear. */
NT_EXPORT ULONG NTAPI RtlFindNextForwardRunClear(const RTL_BITMAP *map, ULONG from,
                                                 PULONG ret_start)
{
    ULONG size = map->SizeOfBitMap;
    ULONG start;

    check_all(map, false);
    start = next_equal(map, from, size, false);
    *ret_start = start;
    return start < size ? next_equal(map, start, size, true) - start : 0;
}

/* Doc: nf-wdm-rtlfindfirstrunclear. */
NT_EXPORT ULONG NTAPI RtlFindFirstRunClear(const RTL_BITMAP *map, PULONG ret_start)
{
    return RtlFindNextForwardRunClear(map, 0, ret_start);
}

/* Doc: nf-wdm-rtlfindlastbackwardrunclear. The run that `from` lies in counts up to `from`. */
NT_EXPORT ULONG NTAPI RtlFindLastBackwardRunClear(const RTL_BITMAP *map, ULONG from,
                                                  PULONG ret_start)
{
    ULONG end;

    check_all(map, false);
    if (!map->SizeOfBitMap)
        return 0;
    end = PP_MIN(from, map->SizeOfBitMap - 1) + 1;
    while (end && bit(map, end - 1))
        end--;
    from = end;
    while (from && !bit(map, from - 1))
        from--;
    *ret_start = from;
    return end - from;
}

static ULONG count_set(const RTL_BITMAP *map, ULONG start, ULONG count)
{
    ULONG total = 0;

    while (count) {
        ULONG shift = start % WORD_BITS;
        ULONG n = PP_MIN(count, WORD_BITS - shift);
        ULONG mask = n == WORD_BITS ? ~0u : (1u << n) - 1;

        total += (ULONG)__builtin_popcount(map->Buffer[start / WORD_BITS] >> shift & mask);
        start += n;
        count -= n;
    }
    return total;
}

/* Doc: nf-wdm-rtlnumberofsetbits. */
NT_EXPORT ULONG NTAPI RtlNumberOfSetBits(const RTL_BITMAP *map)
{
    check_all(map, false);
    return count_set(map, 0, map->SizeOfBitMap);
}

/* Doc: nf-wdm-rtlnumberofclearbits. */
NT_EXPORT ULONG NTAPI RtlNumberOfClearBits(const RTL_BITMAP *map)
{
    check_all(map, false);
    return map->SizeOfBitMap - count_set(map, 0, map->SizeOfBitMap);
}

/* Doc: winternl, RtlNumberOfSetBitsInRange. */
NT_EXPORT ULONG NTAPI RtlNumberOfSetBitsInRange(const RTL_BITMAP *map, ULONG start, ULONG count)
{
    check(map, start, count, false);
    return count_set(map, start, count);
}

/* Doc: winternl, RtlNumberOfClearBitsInRange. */
NT_EXPORT ULONG NTAPI RtlNumberOfClearBitsInRange(const RTL_BITMAP *map, ULONG start, ULONG count)
{
    check(map, start, count, false);
    return count - count_set(map, start, count);
}

/* Doc: nf-wdm-rtlnumberofsetbitsulongptr. */
NT_EXPORT ULONG NTAPI RtlNumberOfSetBitsUlongPtr(ULONG_PTR value)
{
    return (ULONG)__builtin_popcountll(value);
}

static bool range_is(const RTL_BITMAP *map, ULONG start, ULONG count, bool value)
{
    if (!count || (uint64_t)start + count > map->SizeOfBitMap)
        return false;
    check(map, start, count, false);
    return next_equal(map, start, start + count, !value) == start + count;
}

/* Doc: nf-wdm-rtlarebitsclear. */
NT_EXPORT BOOLEAN NTAPI RtlAreBitsClear(const RTL_BITMAP *map, ULONG start, ULONG count)
{
    return range_is(map, start, count, false);
}

/* Doc: nf-wdm-rtlarebitsset. */
NT_EXPORT BOOLEAN NTAPI RtlAreBitsSet(const RTL_BITMAP *map, ULONG start, ULONG count)
{
    return range_is(map, start, count, true);
}

/* Doc: winternl, RtlCopyBitMap: source onto the destination from bit `start` on; cut at its end. */
NT_EXPORT VOID NTAPI RtlCopyBitMap(const RTL_BITMAP *src, PRTL_BITMAP dst, ULONG start)
{
    ULONG count;

    if (start >= dst->SizeOfBitMap)
        return;
    count = PP_MIN(src->SizeOfBitMap, dst->SizeOfBitMap - start);
    check(src, 0, count, false);
    check(dst, start, count, true);
    for (ULONG i = 0; i < count; i++)
        fill(dst, start + i, 1, bit(src, i));
}

/* Doc: nf-wdm-rtlfindleastsignificantbit. */
NT_EXPORT CCHAR NTAPI RtlFindLeastSignificantBit(ULONGLONG set)
{
    return (CCHAR)(set ? __builtin_ctzll(set) : -1);
}

/* Doc: nf-wdm-rtlfindmostsignificantbit. */
NT_EXPORT CCHAR NTAPI RtlFindMostSignificantBit(ULONGLONG set)
{
    return (CCHAR)(set ? 63 - __builtin_clzll(set) : -1);
}
