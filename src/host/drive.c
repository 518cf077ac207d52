/*
 * The default drive: what can be sent to a driver without knowing it. For each device the driver
 * named (or interface it registered): open it, every control code found in the image with buffers
 * of several shapes, read, write, the other major functions, cancel what stays pending, close. The
 * steps are numbered in a fixed order, so a fresh machine can go on after one that had to end. IRPs
 * that only other drivers send (IRP_MJ_INTERNAL_DEVICE_CONTROL) are left out: their buffers are a
 * matter of trust.
 */
#include "host/host_priv.h"

#include <string.h>

enum { NAMES_MAX = 64, BUFFER_MAX = 4096, CODES_MAX = 400, STEPS_MAX = 8000, OTHER_CODES_MAX = 4 };

struct names {
    char name[NAMES_MAX][128];
    unsigned count;
};

struct probe {
    uint32_t in, out;
    char fill; /* 'z' zero, 'f' 0xFF, 'c' counting bytes, 'r' random (seeded), 'v' the value */
    uint32_t value;
};

/* Small first: most handlers look at the length before anything else. */
static const struct probe probes[] = {
    {0, 0, 'z', 0},     {4, 4, 'z', 0},       {8, 8, 'c', 0},       {16, 16, 'z', 0},   {16, 0, 'f', 0},
    {0, 16, 'z', 0},    {32, 32, 'r', 0},     {64, 64, 'z', 0},     {256, 256, 'c', 0}, {256, 16, 'r', 0},
    {16, 1024, 'z', 0}, {1024, 1024, 'r', 0}, {4096, 4096, 'c', 0}, {4096, 0, 'f', 0},
    /* Last: one number, as an index or a length, for drivers whose codes are known. */
    {4, 1, 'v', 0x10}, {4, 4, 'v', 8},    {4, 4, 'v', 0x1000}, {4, 4, 'v', 0x7FFFFFFF},
    {8, 8, 'v', 0x10}, {8, 8, 'v', 0x40}, {8, 8, 'v', 0x1000}, {8, 8, 'v', 0x7FFFFFFF},
};
enum { PROBES_OF_VALUE = 8, CODES_FOR_VALUES = 200 };

static const struct {
    uint8_t major, minor;
    const char *name;
} others[] = {
    {IRP_MJ_FLUSH_BUFFERS, 0, "IRP_MJ_FLUSH_BUFFERS"},
    {IRP_MJ_QUERY_INFORMATION, 0, "IRP_MJ_QUERY_INFORMATION"},
    {IRP_MJ_SET_INFORMATION, 0, "IRP_MJ_SET_INFORMATION"},
    {IRP_MJ_QUERY_VOLUME_INFORMATION, 0, "IRP_MJ_QUERY_VOLUME_INFORMATION"},
    {IRP_MJ_SYSTEM_CONTROL, 0, "IRP_MJ_SYSTEM_CONTROL"},
    {IRP_MJ_SHUTDOWN, 0, "IRP_MJ_SHUTDOWN"},
};

static bool collect(void *ctx, const char *name, const struct ke_image *owner)
{
    struct names *n = ctx;

    (void)owner; /* only drivers under test have devices here */
    if (n->count >= NAMES_MAX)
        return false;
    for (unsigned i = 0; i < n->count; i++) {
        if (!strcmp(n->name[i], name))
            return true;
    }
    pp_fmt(n->name[n->count++], sizeof n->name[0], "%s", name);
    return true;
}

static void fill(uint8_t *buf, size_t size, char how, uint64_t seed)
{
    struct pp_random r;

    pp_random_init(&r, seed);
    for (size_t i = 0; i < size; i++) {
        buf[i] = how == 'z'   ? 0
                 : how == 'f' ? 0xFF
                 : how == 'c' ? (uint8_t)i
                              : (uint8_t)pp_random_next(&r);
    }
}

static void fill_probe(uint8_t *buf, const struct probe *p, uint64_t seed)
{
    fill(buf, p->in, p->fill == 'v' ? 'z' : p->fill, seed);
    if (p->fill == 'v')
        memcpy(buf, &p->value, sizeof p->value);
}

static const char *fill_name(const struct probe *p, char *buf, size_t size)
{
    char how = p->fill;

    pp_fmt(buf, size, "%s",
           how == 'z' ? "zeros" : how == 'f' ? "0xFF" : how == 'c' ? "counting" : "random");
    if (how == 'v')
        pp_fmt(buf, size, "the number 0x%X", p->value);
    return buf;
}

static void after(struct host_machine *m, struct ke_file *f, const char *what, struct ke_result *r)
{
    if (r->outcome == KE_PENDING) {
        ke_settle(1000);
        (void)ke_cancel(f); /* how many were pending does not matter */
        ke_settle(10);
    }
    host_step_end(m, HOST_STEP_REQUEST, what, r);
    host_restart_if_unsound(m);
}

/* Codes of this driver, and for one without any a few that every driver must refuse politely. */
static size_t code_count(const struct host_machine *m)
{
    return m->code->ioctl_count ? PP_MIN(m->code->ioctl_count, (size_t)CODES_MAX) : OTHER_CODES_MAX;
}

static uint32_t code_at(const struct host_machine *m, size_t i)
{
    static const uint32_t foreign[OTHER_CODES_MAX] = {0x222000, 0x222005, 0x22200A, 0x22200F};

    return m->code->ioctl_count ? m->code->ioctls[i].code : foreign[i];
}

static size_t probe_count(const struct host_machine *m)
{
    bool all = m->code->ioctl_count && m->code->ioctl_count <= CODES_FOR_VALUES;

    return all ? PP_COUNT(probes) : PP_COUNT(probes) - PROBES_OF_VALUE;
}

static void drive_codes(struct host_machine *m, struct ke_file *f, const char *device)
{
    static uint8_t in[BUFFER_MAX], out[BUFFER_MAX];

    for (size_t i = 0; i < code_count(m); i++) {
        uint32_t code = code_at(m, i);

        for (size_t k = 0; k < probe_count(m); k++) {
            const struct probe *p = &probes[k];
            char what[120], name[32];
            struct ke_result r;

            pp_fmt(what, sizeof what, "IOCTL 0x%08X to %s, %u bytes in (%s), %u out", code, device,
                   p->in, fill_name(p, name, sizeof name), p->out);
            if (!host_step_begin(m, HOST_STEP_REQUEST, what))
                continue;
            fill_probe(in, p, m->o->seed ^ code ^ k);
            memset(out, 0, p->out);
            r = ke_ioctl(f, code, in, p->in, out, p->out, false);
            after(m, f, what, &r);
        }
    }
}

static const uint32_t rw_sizes[] = {0, 1, 16, 512, 4096};

static void drive_rw(struct host_machine *m, struct ke_file *f, const char *device)
{
    static uint8_t buf[BUFFER_MAX];

    for (size_t k = 0; k < PP_COUNT(rw_sizes) * 2; k++) {
        bool is_write = k >= PP_COUNT(rw_sizes);
        uint32_t size = rw_sizes[k % PP_COUNT(rw_sizes)];
        char what[120];
        struct ke_result r;

        pp_fmt(what, sizeof what, "%s %s, %u byte%s", is_write ? "write to" : "read from", device,
               size, size == 1 ? "" : "s");
        if (!host_step_begin(m, HOST_STEP_REQUEST, what))
            continue;
        fill(buf, size, 'c', 0);
        r = is_write ? ke_write(f, 0, buf, size) : ke_read(f, 0, buf, size);
        after(m, f, what, &r);
    }
}

static void drive_others(struct host_machine *m, struct ke_file *f, const char *device)
{
    for (size_t k = 0; k < PP_COUNT(others); k++) {
        char what[120];
        struct ke_result r;

        pp_fmt(what, sizeof what, "%s to %s", others[k].name, device);
        if (!host_step_begin(m, HOST_STEP_REQUEST, what))
            continue;
        r = ke_major(f, others[k].major, others[k].minor);
        after(m, f, what, &r);
    }
}

/* Steps of drive_device, open and close included; known without a device. */
static uint32_t device_steps(const struct host_machine *m)
{
    return (uint32_t)(code_count(m) * probe_count(m) + 2 * PP_COUNT(rw_sizes) + PP_COUNT(others) +
                      2);
}

static void drive_device(struct host_machine *m, const char *device)
{
    uint32_t steps = device_steps(m), first = m->step;
    struct ke_file *f = NULL;
    struct ke_result r;
    char what[160];

    if (first + steps <= m->resume_at || host_step_ended(m, first)) {
        m->step = first + steps; /* done, or it cannot be opened without breaking the machine */
        return;
    }
    if (first + steps > STEPS_MAX && first) {
        pp_fmt(what, sizeof what, "%s was not driven: %u requests are enough for one run", device,
               first);
        host_journal_write(m->journal, HOST_REC_WARN, what, strlen(what));
        return;
    }
    pp_fmt(what, sizeof what, "open %s", device);
    (void)host_step_begin(m, HOST_STEP_REQUEST, what); /* each machine opens for itself */
    r = ke_open(device, 0xC0000000u, &f);
    after(m, f, what, &r);
    if (f) {
        drive_codes(m, f, device);
        drive_rw(m, f, device);
        drive_others(m, f, device);
        pp_fmt(what, sizeof what, "close %s", device);
        (void)host_step_begin(m, HOST_STEP_REQUEST, what); /* as above */
        r = ke_close(f);
        host_step_end(m, HOST_STEP_REQUEST, what, &r);
        host_restart_if_unsound(m);
    }
    ke_settle(100);
    m->step = first + steps;
}

static void drive_power(struct host_machine *m, struct ke_pnp *node)
{
    static const struct {
        uint8_t minor;
        bool is_system;
        const char *what;
        unsigned state;
    } steps[] = {
        {IRP_MN_QUERY_POWER, true, "query power S3", PowerSystemSleeping3},
        {IRP_MN_SET_POWER, true, "set power S3", PowerSystemSleeping3},
        {IRP_MN_SET_POWER, false, "set power D3", PowerDeviceD3},
        {IRP_MN_SET_POWER, true, "set power S0", PowerSystemWorking},
        {IRP_MN_SET_POWER, false, "set power D0", PowerDeviceD0},
    };

    for (size_t k = 0; k < PP_COUNT(steps); k++) {
        struct ke_result r;

        if (!host_step_begin(m, HOST_STEP_PNP, steps[k].what))
            continue;
        r = ke_pnp_power(node, steps[k].minor, steps[k].is_system, steps[k].state);
        host_step_end(m, HOST_STEP_PNP, steps[k].what, &r);
        host_restart_if_unsound(m);
    }
}

struct pnp_step {
    uint8_t minor;
    const char *what;
};

static void drive_pnp(struct host_machine *m, struct ke_pnp *node, const struct pnp_step *steps,
                      size_t count)
{
    for (size_t k = 0; k < count; k++) {
        struct ke_result r;

        if (!host_step_begin(m, HOST_STEP_PNP, steps[k].what))
            continue;
        r = ke_pnp_request(node, steps[k].minor);
        host_step_end(m, HOST_STEP_PNP, steps[k].what, &r);
        host_restart_if_unsound(m);
    }
}

/* Before the requests: questions. */
static const struct pnp_step ask[] = {
    {IRP_MN_QUERY_CAPABILITIES, "IRP_MN_QUERY_CAPABILITIES"},
    {IRP_MN_QUERY_PNP_DEVICE_STATE, "IRP_MN_QUERY_PNP_DEVICE_STATE"},
    {IRP_MN_QUERY_DEVICE_RELATIONS, "IRP_MN_QUERY_DEVICE_RELATIONS"},
};

/* After them: what may be called off, and a stop with a new start. */
static const struct pnp_step change[] = {
    {IRP_MN_QUERY_STOP_DEVICE, "IRP_MN_QUERY_STOP_DEVICE"},
    {IRP_MN_CANCEL_STOP_DEVICE, "IRP_MN_CANCEL_STOP_DEVICE"},
    {IRP_MN_QUERY_REMOVE_DEVICE, "IRP_MN_QUERY_REMOVE_DEVICE"},
    {IRP_MN_CANCEL_REMOVE_DEVICE, "IRP_MN_CANCEL_REMOVE_DEVICE"},
};

static void remove_node(struct host_machine *m, struct ke_pnp **node)
{
    static const char what[] = "remove device";
    struct ke_result r;

    if (!host_step_begin(m, HOST_STEP_PNP, what))
        return;
    r = ke_pnp_request(*node, IRP_MN_QUERY_REMOVE_DEVICE);
    if (r.outcome == KE_DONE && NT_SUCCESS(r.status)) {
        r = ke_pnp_request(*node, IRP_MN_REMOVE_DEVICE);
        ke_pnp_free(*node);
        *node = NULL;
        ke_settle(10);
    }
    host_step_end(m, HOST_STEP_PNP, what, &r);
    host_restart_if_unsound(m);
}

static void add_node(struct host_machine *m, struct ke_pnp **node)
{
    static const char what[] = "AddDevice and IRP_MN_START_DEVICE again";
    struct ke_result r;

    if (!host_step_begin(m, HOST_STEP_PNP, what) || *node)
        return; /* a fresh machine has it already */
    r = ke_pnp_add(m->image, node);
    if (*node && r.outcome == KE_DONE && NT_SUCCESS(r.status))
        r = ke_pnp_request(*node, IRP_MN_START_DEVICE);
    host_step_end(m, HOST_STEP_PNP, what, &r);
    host_restart_if_unsound(m);
}

/* The device goes as it should, comes again, and is pulled out; host_stop_driver removes what is left. */
static void drive_removal(struct host_machine *m, struct ke_pnp **node)
{
    static const struct pnp_step pull = {IRP_MN_SURPRISE_REMOVAL, "IRP_MN_SURPRISE_REMOVAL"};
    uint32_t first;

    remove_node(m, node);
    add_node(m, node);
    first = m->step;
    if (!*node)
        return;
    drive_pnp(m, *node, &pull, 1);
    m->is_pulled = first >= m->resume_at;
}

void host_drive(struct host_machine *m, struct ke_pnp **ret_node)
{
    static struct names names;
    struct ke_pnp *node = *ret_node;

    ke_settle(100);
    if (node)
        drive_pnp(m, node, ask, PP_COUNT(ask));
    ke_each_device(collect, &names);
    ke_each_interface(collect, &names);
    if (node && !names.count) { /* no name of its own: requests go to the top of the device stack */
        ke_pnp_name(node, names.name[0], sizeof names.name[0]);
        names.count = 1;
    }
    for (unsigned i = 0; i < names.count; i++)
        drive_device(m, names.name[i]);
    if (node) {
        drive_pnp(m, node, change, PP_COUNT(change));
        drive_power(m, node);
        drive_removal(m, ret_node);
    }
}
