/* From state blocks to snapshots: restarts, the next machine, owners, and blocks that a driver
 * damaged. */
#include "base/state.h"
#include "host/host_priv.h"
#include "tools/poolmon.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/poolproof-poolmon-XXXXXX";
static char why[PP_WHY_SIZE];
static struct host_options options;
static struct host_publish machine;
static struct pm_source source;
static struct pm_snapshot snap, last;
static enum pm_news news;

static void start(void)
{
    cr_assert(mkdtemp(dir));
    options = (struct host_options){.machine_dir = dir, .driver = "some/x\033.sys"};
    source = (struct pm_source){.dir = dir, .with_sites = true};
    host_publish_start(&machine, &options);
    cr_assert(machine.s);
    pp_state_init(machine.s);
    machine.s->phase = POOLPROOF_RUNNING;
}

static struct poolproof_tag *tag_row(uint32_t i)
{
    return pp_state_row(machine.s, &machine.s->tags, i);
}

static void allocate(uint32_t i, uint32_t tag, unsigned side, uint32_t allocs, uint64_t bytes)
{
    struct poolproof_tag *t = tag_row(i);

    t->tag = tag;
    t->side[side].allocs = allocs;
    t->side[side].allocs64 = allocs;
    t->side[side].bytes = bytes;
}

static void next(void)
{
    cr_assert_eq(pm_source_next(&source, &last, &snap, &news, why), 0, "%s", why);
}

Test(read, rows_ascend_and_unused_sides_are_left_out, .init = start)
{
    allocate(9, 0x61616161, POOLPROOF_PAGED, 2, 64);
    allocate(9, 0x61616161, POOLPROOF_NONPAGED, 1, 32);
    allocate(700, 0x7A41, POOLPROOF_PAGED, 3, 16); /* "Az" comes before "aaaa" */
    cr_assert_eq(pm_source_next(&source, NULL, &snap, &news, why), 0, "%s", why);
    cr_assert_eq(news, PM_ATTACHED);
    cr_assert_eq(snap.count, 3);
    cr_assert_eq(snap.rows[0].tag, 0x7A41);
    cr_assert_eq(snap.rows[1].side, POOLPROOF_NONPAGED);
    cr_assert_eq(snap.rows[2].bytes, 64);
    cr_assert(snap.machine.is_running);
    cr_assert_str_eq(snap.machine.driver, "x..sys");
    pm_snapshot_done(&snap);
    pm_source_close(&source);
    host_publish_end(&machine, 0);
}

Test(read, owners_and_sites, .init = start)
{
    struct poolproof_driver *d = pp_state_row(machine.s, &machine.s->drivers, 0);
    struct poolproof_site *at = pp_state_row(machine.s, &machine.s->sites, 5);

    *d = (struct poolproof_driver){
        .base = 0x10000, .size = 0x5000, .name = "x.sys", .bits = POOLPROOF_DRIVER_LOADED};
    allocate(3, 0x656D614E, POOLPROOF_PAGED, 9, 640);
    at[0] = (struct poolproof_site){.tag = 0x656D614E,
                                    .pc = 0x1123A,
                                    .driver = 1,
                                    .side = POOLPROOF_PAGED,
                                    .allocs = 8,
                                    .bytes = 512};
    at[7] = (struct poolproof_site){.tag = 0x656D614E,
                                    .pc = 0x7FFF00001234,
                                    .driver = 0,
                                    .side = POOLPROOF_PAGED,
                                    .allocs = 1,
                                    .bytes = 128};
    cr_assert_eq(pm_source_next(&source, NULL, &snap, &news, why), 0, "%s", why);
    cr_assert_str_eq(snap.rows[0].owner, "x.sys and 1");
    cr_assert_str_eq(snap.rows[0].site, "x.sys+0x123a and 1", "no native address");
    cr_assert_eq(snap.driver_count, 1);
    pm_snapshot_done(&snap);
    pm_source_close(&source);
    host_publish_end(&machine, 0);
}

Test(read, restart_end_and_next_machine, .init = start)
{
    allocate(1, 0x31676154, POOLPROOF_PAGED, 1, 16);
    cr_assert_eq(pm_source_next(&source, NULL, &last, &news, why), 0, "%s", why);
    next();
    cr_assert_eq(news, PM_SAME);
    pm_snapshot_done(&snap);
    pp_state_init(machine.s);
    next();
    cr_assert_eq(news, PM_RESTARTED);
    cr_assert_eq(snap.count, 0, "the tables began anew");
    cr_assert_eq(snap.machine.generation, 2);
    pm_snapshot_done(&snap);
    host_publish_end(&machine, 3);
    next();
    cr_assert_not(snap.machine.is_running);
    cr_assert_eq(snap.machine.exit_code, 3);
    pm_snapshot_done(&snap);
    host_publish_start(&machine, &options);
    machine.s->start_time += 1; /* another run, though of this process */
    pp_state_init(machine.s);
    next();
    cr_assert_eq(news, PM_ATTACHED);
    cr_assert(snap.machine.is_running);
    pm_snapshot_done(&snap);
    pm_snapshot_done(&last);
    pm_source_close(&source);
    host_publish_end(&machine, 0);
}

Test(read, tagging_off_and_damage, .init = start)
{
    uint32_t rows = machine.s->tags.row_count;

    machine.s->tags.row_count = 0;
    cr_assert_eq(pm_source_next(&source, NULL, &snap, &news, why), -ENODATA);
    machine.s->tags.row_count = UINT32_MAX; /* the driver wrote over the head */
    cr_assert_eq(pm_source_next(&source, NULL, &snap, &news, why), -EAGAIN);
    machine.s->tags.row_count = rows;
    machine.s->magic = 0; /* a fresh machine is being laid out */
    cr_assert_eq(pm_source_next(&source, NULL, &snap, &news, why), -EAGAIN);
    pm_source_close(&source);
    host_publish_end(&machine, 0);
    cr_assert_eq(
        pm_source_next(&(struct pm_source){.dir = "/tmp/poolproof-none"}, NULL, &snap, &news, why),
        -ENOENT);
    (void)rmdir("/tmp/poolproof-none");
}
