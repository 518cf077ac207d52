/* Special pool: what faults at once, what is found later, what the records say. */
#include "fixture.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

Test(special, one_past_the_end_faults)
{
    EACH_GUARD(guard)
    {
        fixture_open(*guard);
        for (size_t size = 16; size <= 4096; size += 16) {
            char *p = special(size);
            struct pl_block_info b;

            cr_assert(!faults_write(p + size - 1));
            cr_assert(faults_write(p + size), "%s: size %zu", *guard, size);
            cr_assert(faults_read(p + size));
            cr_assert_eq(pl_find(pool, (uintptr_t)p + size, &b), PL_GUARD_AFTER);
            cr_assert_eq(b.start, (uintptr_t)p);
            cr_assert_eq(b.offset, (int64_t)size);
            cr_assert_eq(give(p), 0);
        }
        cr_assert_eq(events, 0);
        fixture_close();
    }
}

Test(special, start_edge_faults_before_the_block)
{
    EACH_GUARD(guard)
    {
        struct pl_request req = {
            .size = 100, .tag = TAG_TEST, .special = true, .edge = PL_EDGE_START};
        struct pl_block_info b;
        char *first, *p;

        fixture_open(*guard);
        first = take(&req);
        p = take(&req);
        cr_assert_eq((uintptr_t)p % 4096, 0);
        cr_assert(faults_read(first - 1));
        cr_assert_eq(pl_find(pool, (uintptr_t)first - 1, &b), PL_GUARD_BEFORE);
        cr_assert_eq(b.start, (uintptr_t)first);
        cr_assert(faults_read(p - 1));
        cr_assert_eq(pl_find(pool, (uintptr_t)p - 1, &b), PL_GUARD_BEFORE);
        cr_assert_eq(b.start, (uintptr_t)p);
        cr_assert_eq(b.offset, -1);
        /* An overrun inside the page is found at free. */
        p[100] = 0;
        cr_assert_eq(give(p), 0);
        cr_assert_eq(last.kind, PL_EV_TAIL_DAMAGED);
        cr_assert_eq(last.bad_addr, (uintptr_t)p + 100);
        fixture_close();
    }
}

Test(special, freed_block_faults_and_is_described)
{
    EACH_GUARD(guard)
    {
        struct pl_block_info b;
        char *p;

        fixture_open(*guard);
        p = special(40);
        cr_assert_eq(give(p), 0);
        cr_assert(faults_read(p));
        cr_assert(faults_write(p));
        cr_assert_eq(pl_find(pool, (uintptr_t)p + 3, &b), PL_FREED);
        cr_assert(b.has_block && b.special && !b.live);
        cr_assert_eq(b.start, (uintptr_t)p);
        cr_assert_eq(b.size, 40);
        cr_assert_eq(b.offset, 3);
        cr_assert_eq(b.tag, TAG_TEST);
        cr_assert_eq(b.alloc_stack, 7);
        cr_assert_eq(b.free_stack, 9);
        cr_assert_eq(b.alloc_pc, 0x1111);
        cr_assert_eq(b.free_pc, 0x2222);
        cr_assert_eq(b.free_irql, 1);
        cr_assert_lt(b.alloc_seq, b.free_seq);
        fixture_close();
    }
}

Test(special, second_free_is_an_event)
{
    char *p;

    fixture_open(NULL);
    p = special(40);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(give(p), -EALREADY);
    cr_assert_eq(events, 1);
    cr_assert_eq(last.kind, PL_EV_FREE_TWICE);
    cr_assert_eq(last.block.alloc_stack, 7);
    cr_assert_eq(last.block.free_stack, 9);
    fixture_close();
}

Test(special, slack_damage_is_found_at_free)
{
    char *p;

    fixture_open(NULL);
    p = special(37); /* 11 bytes of slack behind */
    p[37] = 'x';
    p[40] = 'y';
    cr_assert_eq(give(p), 0);
    cr_assert_eq(events, 1);
    cr_assert_eq(last.kind, PL_EV_TAIL_DAMAGED);
    cr_assert(last.at_free && !last.single_bit);
    cr_assert_eq(last.bad_addr, (uintptr_t)p + 37);
    cr_assert_eq(last.bad_last, (uintptr_t)p + 40);
    cr_assert_eq(last.bad_count, 2);
    cr_assert_eq(last.found, 'x');
    cr_assert_eq(last.expected, pl_patterns(pool).slack);
    fixture_close();
}

Test(special, damage_before_the_block_is_found_at_free)
{
    char *p;

    fixture_open(NULL);
    p = special(64);
    p[-8] = 0;
    cr_assert_eq(give(p), 0);
    cr_assert_eq(last.kind, PL_EV_HEAD_DAMAGED);
    cr_assert_eq(last.bad_addr, (uintptr_t)p - 8);
    cr_assert_eq(last.block.size, 64);
    fixture_close();
}

Test(special, single_bit_is_told_apart)
{
    char *p;

    fixture_open(NULL);
    p = special(30);
    p[31] ^= 4;
    cr_assert_eq(give(p), 0);
    cr_assert_eq(last.kind, PL_EV_TAIL_DAMAGED);
    cr_assert(last.single_bit);
    fixture_close();
}

Test(special, checks_on_demand_report_once)
{
    char *p, *q;

    fixture_open(NULL);
    p = special(30);
    q = special(5000);
    cr_assert_eq(pl_check_all(pool), 0);
    p[30] = 0;
    q[5000] = 0;
    cr_assert_eq(pl_check_block(pool, p), 1);
    cr_assert_eq(pl_check_all(pool), 1);
    cr_assert_eq(last.block.start, (uintptr_t)q);
    cr_assert_eq(pl_check_all(pool), 0);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(give(q), 0);
    cr_assert_eq(events, 2);
    cr_assert_eq(pl_check_block(pool, p), -ENOENT);
    fixture_close();
}

Test(special, wrong_tag_is_an_event_and_the_sink_decides)
{
    char *p;

    fixture_open(NULL);
    p = special(30);
    sink_carries_on = false;
    cr_assert_eq(give_tag(p, TAG('A', 'b', 'c', 'd')), -EPERM);
    cr_assert_eq(last.kind, PL_EV_FREE_TAG);
    cr_assert_eq(last.tag, TAG('A', 'b', 'c', 'd'));
    cr_assert_eq(last.block.tag, TAG_TEST);
    cr_assert(last.block.live && !last.protected_tag);
    cr_assert(!faults_write(p));
    sink_carries_on = true;
    cr_assert_eq(give_tag(p, TAG('A', 'b', 'c', 'd')), 0);
    cr_assert(faults_write(p));
    p = special(30);
    cr_assert_eq(give_tag(p, TAG_TEST), 0);
    cr_assert_eq(events, 2);
    fixture_close();
}

Test(special, protected_block_needs_its_very_tag)
{
    struct pl_request req = {.size = 8, .tag = TAG_TEST, .special = true, .flags = PL_PROTECTED};

    fixture_open(NULL);
    cr_assert_eq(give_tag(take(&req), TAG_TEST | 0x80000000u), 0);
    cr_assert_eq(events, 0);
    cr_assert_eq(give_tag(take(&req), 0), 0);
    cr_assert_eq(events, 1);
    cr_assert(last.protected_tag);
    cr_assert_eq(give_tag(take(&req), TAG_TEST), 0);
    cr_assert_eq(events, 2);
    fixture_close();
}

Test(special, bad_addresses_are_told_apart)
{
    struct pl_block_info b;
    char local, *p;

    fixture_open(NULL);
    p = special(112);
    cr_assert_eq(give(p + 16), -EFAULT);
    cr_assert_eq(last.kind, PL_EV_FREE_INSIDE);
    cr_assert_eq(last.block.offset, 16);
    cr_assert_eq(last.given, 96);
    cr_assert_eq(give(p - 64), -EFAULT);
    cr_assert_eq(last.block.where, PL_SLACK_BEFORE);
    cr_assert_eq(give(p + 112), -ENOENT);
    cr_assert_eq(last.kind, PL_EV_FREE_UNKNOWN);
    cr_assert_eq(last.block.where, PL_GUARD_AFTER);
    cr_assert_eq(give(&local), -ENOENT);
    cr_assert_eq(last.block.where, PL_NOT_POOL);
    cr_assert_eq(give((char *)0x490100000000), -ENOENT);
    cr_assert_eq(last.block.where, PL_UNUSED);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 8192, &b), PL_UNUSED);
    cr_assert(faults_read(p + 8192));
    cr_assert_eq(give(p), 0);
    fixture_close();
}

Test(special, sized_free_is_compared)
{
    char *p;

    fixture_open(NULL);
    p = special(100);
    cr_assert_eq(pl_free(pool, &(struct pl_free_request){.p = p, .sized = true, .size = 96}), 0);
    cr_assert_eq(last.kind, PL_EV_FREE_SIZE);
    cr_assert_eq(last.given, 96);
    p = special(100);
    cr_assert_eq(pl_free(pool, &(struct pl_free_request){.p = p, .sized = true, .size = 100}), 0);
    cr_assert_eq(events, 1);
    fixture_close();
}

Test(special, big_blocks_are_guarded_on_both_sides)
{
    static const size_t sizes[] = {4096, 4097, 8192, 65536, 500000, 2u << 20, (6u << 20) + 5};

    EACH_GUARD(guard)
    {
        fixture_open(*guard);
        for (size_t i = 0; i < PP_COUNT(sizes); i++) {
            size_t size = sizes[i], pages = (size + 4095) & ~(size_t)4095;
            char *p = special(size);
            struct pl_block_info b;

            cr_assert_eq((uintptr_t)p % 4096, 0);
            cr_assert(faults_write(p - 1));
            cr_assert(faults_write(p + pages));
            cr_assert_eq(pl_find(pool, (uintptr_t)p + pages, &b), PL_GUARD_AFTER);
            cr_assert_eq(b.start, (uintptr_t)p);
            cr_assert_eq((uint8_t)p[0], pl_patterns(pool).fresh);
            cr_assert_eq((uint8_t)p[size - 1], pl_patterns(pool).fresh);
            cr_assert_eq(pl_find(pool, (uintptr_t)p + size - 1, &b), PL_LIVE);
            if (pages > size)
                p[size] = 0;
            cr_assert_eq(give(p), 0);
            cr_assert_eq(events, pages > size);
            events = 0;
            cr_assert(faults_read(p));
            cr_assert_eq(pl_find(pool, (uintptr_t)p + size / 2, &b), PL_FREED);
        }
        fixture_close();
    }
}

Test(special, big_blocks_end_at_the_guard_on_request)
{
    struct pl_config cfg;
    char *p;

    pl_config_init(&cfg);
    cfg.big_to_end = true;
    fixture_open_config(&cfg);
    p = special(5008);
    cr_assert(!faults_write(p + 5007));
    cr_assert(faults_write(p + 5008));
    p[-1] = 0;
    cr_assert_eq(give(p), 0);
    cr_assert_eq(last.kind, PL_EV_HEAD_DAMAGED);
    fixture_close();
}

Test(special, fresh_memory_is_patterned_or_zero)
{
    struct pl_request req = {.tag = TAG_TEST, .special = true, .flags = PL_ZERO};

    fixture_open(NULL);
    for (size_t size = 1; size < 20000; size += 777) {
        char *p = special(size), *z;

        req.size = size;
        z = take(&req);
        for (size_t i = 0; i < size; i++) {
            cr_assert_eq((uint8_t)p[i], pl_patterns(pool).fresh);
            cr_assert_eq(z[i], 0);
        }
    }
    cr_assert_eq(pl_check_all(pool), 0);
    fixture_close();
}

Test(special, patterns_depend_on_the_seed)
{
    struct pl_patterns a, b;
    struct pl_config cfg;

    fixture_open(NULL);
    a = pl_patterns(pool);
    fixture_close();
    pl_config_init(&cfg);
    for (cfg.pattern_seed = 1; cfg.pattern_seed < 50; cfg.pattern_seed++) {
        fixture_open_config(&cfg);
        b = pl_patterns(pool);
        cr_assert(b.fresh != b.freed && b.freed != b.slack && b.fresh != b.slack);
        if (cfg.pattern_seed == 1)
            cr_assert_neq(a.fresh, b.fresh);
        fixture_close();
    }
}

Test(special, zero_size_and_alignment)
{
    char *p;

    fixture_open(NULL);
    p = special(0);
    cr_assert_eq((uintptr_t)p % 16, 0);
    p[0] = 1;
    cr_assert_eq(give(p), 0);
    cr_assert_eq(last.kind, PL_EV_TAIL_DAMAGED);
    p = take(&(struct pl_request){.size = 100, .special = true, .flags = PL_CACHE_ALIGNED});
    cr_assert_eq((uintptr_t)p % 64, 0);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(events, 1);
    fixture_close();
}

Test(special, executable_only_when_asked)
{
    struct pl_request req = {.size = 16, .special = true, .flags = PL_EXECUTABLE};
    unsigned char *p;
    pid_t child;
    int status;

    fixture_open(NULL);
    p = (unsigned char *)take(&req);
    p[0] = 0xC3; /* ret */
    ((void (*)(void))p)();
    p = (unsigned char *)special(16);
    p[0] = 0xC3;
    child = fork();
    if (!child) {
        signal(SIGSEGV, SIG_DFL);
        ((void (*)(void))p)();
        _exit(0);
    }
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status));
    fixture_close();
}

static unsigned vma_count(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned n = 0;
    int c;

    while ((c = getc(f)) != EOF)
        n += c == '\n';
    fclose(f);
    return n;
}

Test(special, hundred_thousand_live_blocks)
{
    static char *p[100000];
    unsigned before;

    EACH_GUARD(guard)
    {
        if (!strcmp(*guard, "mprotect"))
            continue;
        fixture_open(*guard);
        before = vma_count();
        for (unsigned i = 0; i < PP_COUNT(p); i++)
            p[i] = special(64);
        cr_assert_eq(pl_counters(pool)->live_special, PP_COUNT(p));
        cr_assert_lt(vma_count(), before + 8);
        for (unsigned i = 0; i < PP_COUNT(p); i += 97)
            cr_assert(faults_write(p[i] + 64));
        for (unsigned i = 0; i < PP_COUNT(p); i++)
            cr_assert_eq(give(p[i]), 0);
        for (unsigned i = 0; i < PP_COUNT(p); i += 97)
            cr_assert(faults_read(p[i]));
        cr_assert_eq(pl_counters(pool)->special_bytes, 0);
        cr_assert_lt(vma_count(), before + 8);
        fixture_close();
    }
}

Test(special, mprotect_limit_falls_back_and_is_told)
{
    static char *p[40000];
    const struct pl_counters *n;

    fixture_open("mprotect");
    cr_assert_not_null(pl_guard_notice(pool));
    for (unsigned i = 0; i < PP_COUNT(p); i++)
        p[i] = special(64);
    n = pl_counters(pool);
    cr_assert_eq(n->special_wanted, PP_COUNT(p));
    cr_assert_eq(n->succeeded_special + n->special_failed, PP_COUNT(p));
    for (unsigned i = 0; i < PP_COUNT(p); i++)
        cr_assert_eq(give(p[i]), 0);
    cr_assert_eq(events, 0);
    fixture_close();
}

Test(special, byte_limit_falls_back_and_is_counted)
{
    struct pl_block_info b;
    struct pl_config cfg;
    char *p, *q;

    pl_config_init(&cfg);
    cfg.special_limit = 8192;
    fixture_open_config(&cfg);
    p = special(10);
    (void)special(10);
    q = special(10);
    cr_assert_eq(pl_counters(pool)->special_limited, 1);
    cr_assert_eq(pl_find(pool, (uintptr_t)q, &b), PL_LIVE);
    cr_assert(!b.special);
    cr_assert_eq(give(p), 0);
    q = special(10);
    pl_find(pool, (uintptr_t)q, &b);
    cr_assert(b.special);
    fixture_close();
}

Test(special, addresses_repeat)
{
    static uint64_t seen[2][2000];
    struct pp_random rnd;

    for (unsigned round = 0; round < 2; round++) {
        static char *live[64];

        fixture_open(round ? "mprotect" : NULL); /* nor do they depend on the mechanism */
        memset(live, 0, sizeof live);
        pp_random_init(&rnd, 42);
        for (unsigned i = 0; i < 2000; i++) {
            unsigned slot = (unsigned)pp_random_below(&rnd, PP_COUNT(live));
            struct pl_request req = {.size = pp_random_below(&rnd, 9000),
                                     .special = pp_random_below(&rnd, 2) != 0,
                                     .flags = (uint32_t)pp_random_below(&rnd, 4)};

            if (live[slot])
                cr_assert_eq(give(live[slot]), 0);
            live[slot] = take(&req);
            seen[round][i] = (uintptr_t)live[slot];
        }
        cr_assert_eq(events, 0);
        fixture_close();
    }
    cr_assert_arr_eq(seen[0], seen[1], sizeof seen[0]);
}

Test(special, first_addresses_lie_in_the_fixed_ranges)
{
    fixture_open(NULL);
    cr_assert_eq((uintptr_t)special(16), 0x490000001FF0);
    cr_assert_eq(
        (uintptr_t)take(&(struct pl_request){.size = 16, .special = true, .flags = PL_PAGED}),
        0x498000001FF0);
    cr_assert_eq((uintptr_t)ordinary(16), 0x480000000010);
    fixture_close();
}

Test(special, freed_addresses_come_back_only_after_the_share_is_used)
{
    struct pl_block_info b;
    struct pl_config cfg;
    char *first;
    unsigned i;

    pl_config_init(&cfg);
    cfg.reuse_after = 8u << 20;
    fixture_open_config(&cfg);
    first = special(16);
    cr_assert_eq(give(first), 0);
    for (i = 0; i < 4 * 255 - 1; i++)
        cr_assert_neq(special(16), first);
    cr_assert_eq(pl_find(pool, (uintptr_t)first, &b), PL_FREED);
    fixture_close();

    /* All die: the oldest chunk's addresses return, in order. */
    fixture_open_config(&cfg);
    for (i = 0; i < 4 * 255; i++)
        cr_assert_eq(give(special(16)), 0);
    cr_assert_eq(pl_find(pool, (uintptr_t)first, &b), PL_FREED);
    cr_assert_eq(special(16), first);
    cr_assert_eq(pl_find(pool, (uintptr_t)first, &b), PL_LIVE);
    cr_assert_eq(pl_find(pool, (uintptr_t)first + 8192, &b), PL_UNUSED);
    cr_assert(faults_read(first + 8192));
    fixture_close();
}

Test(special, oldest_records_are_forgotten)
{
    struct pl_block_info b;
    struct pl_config cfg;
    char *first;

    pl_config_init(&cfg);
    cfg.records_max = 600;
    fixture_open_config(&cfg);
    first = special(16);
    cr_assert_eq(give(first), 0);
    for (unsigned i = 0; i < 2000; i++)
        cr_assert_eq(give(special(16)), 0);
    cr_assert_eq(pl_find(pool, (uintptr_t)first, &b), PL_FORGOTTEN);
    cr_assert(!b.has_block);
    cr_assert(faults_read(first));
    cr_assert_eq(give(first), -ENOENT);
    fixture_close();
}

Test(special, guards_hold_in_a_forked_child)
{
    EACH_GUARD(guard)
    {
        char *p, *freed;
        int status;
        pid_t child;

        fixture_open(*guard);
        p = special(64);
        freed = special(64);
        cr_assert_eq(give(freed), 0);
        child = fork();
        if (!child) {
            if (pl_after_fork(pool))
                _exit(1);
            if (faults_write(p) || !faults_write(p + 64) || !faults_read(freed))
                _exit(2);
            if (give(p) || !faults_read(p) || !faults_read(special(64) + 64))
                _exit(3);
            _exit(0);
        }
        waitpid(child, &status, 0);
        cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "%s: %x", *guard, (unsigned)status);
        cr_assert(!faults_write(p));
        cr_assert(faults_write(p + 64));
        fixture_close();
    }
}

Test(special, ranges_are_checked)
{
    struct pl_block_info b;
    char local[8], *p;

    fixture_open(NULL);
    p = special(100);
    cr_assert(pl_check_range(pool, (uintptr_t)p, 100, &b));
    cr_assert(pl_check_range(pool, (uintptr_t)p + 99, 1, &b));
    cr_assert(!pl_check_range(pool, (uintptr_t)p + 99, 2, &b));
    cr_assert_eq(b.where, PL_LIVE);
    cr_assert_eq(b.offset, 99);
    cr_assert(!pl_check_range(pool, (uintptr_t)p + 100, 1, &b));
    cr_assert_eq(b.where, PL_SLACK_AFTER);
    cr_assert(pl_check_range(pool, (uintptr_t)p + 100, 0, &b));
    cr_assert(!pl_check_range(pool, (uintptr_t)p, UINT64_MAX, &b));
    cr_assert(pl_check_range(pool, (uintptr_t)local, sizeof local, &b));
    cr_assert_eq(give(p), 0);
    cr_assert(!pl_check_range(pool, (uintptr_t)p, 1, &b));
    cr_assert_eq(b.where, PL_FREED);
    fixture_close();
}

Test(special, unknown_and_taken_are_refused)
{
    struct pl_pool *other;
    struct pl_config cfg;

    pl_config_init(&cfg);
    cfg.guard = "hope";
    cr_assert_eq(pl_pool_new(&cfg, &other), -EINVAL);
    fixture_open(NULL);
    cfg.guard = NULL;
    cr_assert_eq(pl_pool_new(&cfg, &other), -EEXIST);
    cr_assert_eq(give(special(10)), 0); /* the first one is unharmed */
    fixture_close();
}
