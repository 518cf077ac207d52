/*
 * The machine as a whole: what its parts need from one another at start, and what the host asks about
 * it. Order of start: addresses and exports, pool, rules, objects, scheduler, security, processes,
 * registry, services, I/O, and traps last, when everything a trap asks for is there.
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"

#include <errno.h>
#include <string.h>

struct ke_machine ke_m;

void ke_config_init(struct ke_config *cfg)
{
    memset(cfg, 0, sizeof *cfg);
    cfg->options = VF_OPT_STANDARD;
    cfg->verify = true;
    cfg->coverage = true;
    cfg->cpus = 2;
    cfg->edge = PL_EDGE_END;
}

/* ---- What verify asks ---- */

static void present(void *ctx, struct vf_present *ret)
{
    struct ke_gate_record *r = ke_gate_import();
    struct ke_image *im = ke_image_current();

    (void)ctx; /* one machine in a process */
    ret->time = ke_time_now();
    ret->is_unverified = !ke_caller_is_verified();
    ret->thread = ke_thread_now ? ke_thread_now->id : 0;
    ret->pc = ke_caller();
    ret->irql = ke_irql();
    ke_stack_capture(&ret->stack);
    if (im)
        memcpy(ret->driver, im->name, sizeof ret->driver);
    if (r)
        pp_fmt(ret->routine, sizeof ret->routine, "%s", r->export->name);
}

static void owner_name(void *ctx, uint32_t owner, char ret[VF_NAME])
{
    struct ke_image *im = ke_image_by_owner(owner);

    (void)ctx; /* as above */
    pp_fmt(ret, VF_NAME, "%s", im ? im->name : "nt");
}

static void peek(void *ctx, uint64_t addr, uint8_t *bytes, uint8_t *valid, uint32_t size)
{
    (void)ctx; /* as above */
    for (uint32_t done = 0; done < size;) {
        uint32_t in_page = PP_PAGE_SIZE - (uint32_t)((addr + done) & (PP_PAGE_SIZE - 1));
        uint32_t want = PP_MIN(in_page, size - done);
        size_t n = os_peek(addr + done, bytes + done, want);

        memset(valid + done, n == want, want);
        done += want;
    }
}

static bool is_abandoned(void *ctx, const struct pl_block_info *block)
{
    (void)ctx; /* as above */
    return ke_is_abandoned(block);
}

static void finding(void *ctx, const struct vf_finding *f)
{
    (void)ctx; /* as above */
    ke_state_finding(f);
    ke_m.config.host.finding(ke_m.config.host.ctx, f);
}

static void stop(void *ctx, const struct vf_finding *f)
{
    (void)ctx; /* as above */
    (void)f;   /* already sent */
    ke_m.config.host.stopped(ke_m.config.host.ctx);
}

static int pool_init(void)
{
    struct pl_config pc;
    int err;

    pl_config_init(&pc);
    pc.guard = ke_m.config.guard;
    pc.edge = ke_m.config.edge;
    pc.special_limit = ke_m.config.special_limit;
    pc.pattern_seed = ke_m.config.pattern_seed;
    pc.event = vf_pool_event;
    ke_state_init(ke_m.config.state, &pc);
    err = pl_pool_new(&pc, &ke_m.pool);
    if (err)
        return err;
    ke_m.depot = pl_depot_new();
    return ke_m.depot ? 0 : -ENOMEM;
}

static void verify_init(void)
{
    struct vf_config vc = {
        .options = ke_m.config.options,
        .enabled = ke_m.config.verify,
        .stop_at_first = ke_m.config.stop_at_first,
        .like_windows = ke_m.config.like_windows,
        .pool = ke_m.pool,
        .depot = ke_m.depot,
        .hooks = {.present = present,
                  .owner_name = owner_name,
                  .peek = peek,
                  .is_abandoned = is_abandoned,
                  .finding = finding,
                  .stop = stop},
    };

    vf_init(&vc);
}

int ke_init(const struct ke_config *cfg, char why[PP_WHY_SIZE])
{
    static const struct {
        const char *what;
        int (*fn)(void);
    } steps[] = {
        {"export stubs", ke_export_init}, {"objects", ob_init},      {"scheduler", ke_sched_init},
        {"security", se_init},            {"processes", ps_init},    {"registry", cm_init},
        {"memory", mm_init},              {"I/O manager", io_init},  {"files", zw_init},
        {"traps", ke_trap_init},      {"failing calls", ke_fault_init},
    };
    int err;

    ke_m.config = *cfg;
    pp_list_init(&ke_m.images);
    pp_random_init(&ke_m.random, cfg->seed);
    err = pool_init();
    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "pool: %s%s%s", strerror(-err), cfg->guard ? ", guard mechanism " : "",
               cfg->guard ? cfg->guard : "");
        return err;
    }
    verify_init();
    ke_verifier_init();
    for (size_t i = 0; i < PP_COUNT(steps); i++) {
        err = steps[i].fn();
        if (err) {
            pp_fmt(why, PP_WHY_SIZE, "%s: %s", steps[i].what, strerror(-err));
            return err;
        }
        if (steps[i].fn == ke_export_init)
            rtl_data_init();
    }
    ke_state_start();
    return 0;
}

struct pl_patterns ke_patterns(void)
{
    return pl_patterns(ke_m.pool);
}

const char *ke_address_words(uint64_t addr)
{
    static const struct {
        uint64_t end;
        const char *words;
    } ranges[] = {
        {0x10000, "next to NULL: a member of a structure whose pointer was NULL"},
        {KE_USER_LOW, NULL},
        {KE_USER_HIGH, "a user-mode address"},
        {KE_POOL_LOW, NULL},
        {KE_POOL_HIGH, "in the pool's range"},
        {KE_MAP_HIGH, "in the range of mappings and I/O space"},
        {KE_IMAGE_HIGH, "in the range of driver images"},
        {KE_STUB_HIGH, "in the kernel's code"},
        {KE_PCR_LOW, "in the kernel's data"},
        {KE_STACK_LOW, "in the processor's control region"},
        {KE_STACK_HIGH, "in the range of kernel stacks: past the end of one"},
    };

    for (size_t i = 0; i < PP_COUNT(ranges); i++) {
        if (addr < ranges[i].end)
            return ranges[i].words;
    }
    return NULL;
}

int ke_registry_load(const char *text, size_t size, char why[PP_WHY_SIZE])
{
    int err = cm_load_reg(text, size, why);

    if (err)
        return err;
    ex_special_load();
    ke_state_update();
    return 0;
}

const char *ke_guard_name(void)
{
    return pl_guard_name(ke_m.pool);
}

void ke_settle(uint64_t ms)
{
    ke_run_idle(ms * 10000);
    ke_state_update();
}

bool ke_is_unsound(void)
{
    return ke_m.is_unsound;
}

void ke_exercised(struct ke_exercised *ret)
{
    const struct pl_counters *c = pl_counters(ke_m.pool);

    memset(ret, 0, sizeof *ret);
    io_exercised(ret);
    ke_cover_count(&ret->blocks, &ret->blocks_reached);
    ret->guarded = c->succeeded_special - ke_m.kernel_guarded;
    ret->allocations = c->succeeded - c->not_tracked;
    ret->imports_called = ke_gate_calls;
    ret->ticks_broken = ke_ticks_broken();
}
