/*
 * The default drive: what can be sent to a driver without knowing it. For each device the driver named
 * (or interface it registered): open it, every control code found in the image with buffers of several
 * shapes, read, write, the other major functions, cancel what stays pending, close. The steps are
 * numbered in a fixed order, so a fresh machine can go on after one that had to end.
 */
#include "host/host_priv.h"

#include <string.h>

enum { NAMES_MAX = 64, BUFFER_MAX = 4096, CODES_MAX = 400, PROBES_MAX = 6000 };

struct names {
    char name[NAMES_MAX][128];
    unsigned count;
};

struct probe {
    uint32_t in, out;
    char fill; /* 'z' zero, 'f' 0xFF, 'c' counting bytes, 'r' random (seeded) */
};

/* Small first: most handlers look at the length before anything else. */
static const struct probe probes[] = {
    {0, 0, 'z'},     {4, 4, 'z'},       {8, 8, 'c'},      {16, 16, 'z'},    {16, 0, 'f'},
    {0, 16, 'z'},    {32, 32, 'r'},     {64, 64, 'z'},    {256, 256, 'c'},  {256, 16, 'r'},
    {16, 1024, 'z'}, {1024, 1024, 'r'}, {4096, 4096, 'c'}, {4096, 0, 'f'},
};

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

static void after(struct host_machine *m, struct ke_file *f, const char *what, struct ke_result *r)
{
    if (r->outcome == KE_PENDING) {
        ke_settle(1000);
        (void)ke_cancel(f); /* how many were pending does not matter */
        ke_settle(10);
    }
    host_step_end(m, what, r);
    host_restart_if_unsound(m);
}

static void drive_codes(struct host_machine *m, struct ke_file *f, const char *device)
{
    static uint8_t in[BUFFER_MAX], out[BUFFER_MAX];

    for (size_t i = 0; i < m->code->ioctl_count && i < CODES_MAX; i++) {
        uint32_t code = m->code->ioctls[i].code;

        for (size_t k = 0; k < PP_COUNT(probes) && m->requests_left; k++) {
            const struct probe *p = &probes[k];
            char what[120];
            struct ke_result r;

            pp_fmt(what, sizeof what, "IOCTL 0x%08X to %s, %u bytes in, %u out (%s)", code, device, p->in,
                   p->out,
                   p->fill == 'z'   ? "zeros"
                   : p->fill == 'f' ? "0xFF"
                   : p->fill == 'c' ? "counting"
                                    : "random");
            if (!host_step_begin(m, what))
                continue;
            m->requests_left--;
            fill(in, p->in, p->fill, m->o->seed ^ code ^ k);
            memset(out, 0, p->out);
            r = ke_ioctl(f, code, in, p->in, out, p->out, false);
            after(m, f, what, &r);
        }
    }
}

static void drive_rw(struct host_machine *m, struct ke_file *f, const char *device)
{
    static const uint32_t sizes[] = {0, 1, 16, 512, 4096};
    static uint8_t buf[BUFFER_MAX];

    for (size_t k = 0; k < PP_COUNT(sizes) * 2; k++) {
        bool is_write = k >= PP_COUNT(sizes);
        uint32_t size = sizes[k % PP_COUNT(sizes)];
        char what[120];
        struct ke_result r;

        pp_fmt(what, sizeof what, "%s %s, %u bytes", is_write ? "write to" : "read from", device, size);
        if (!host_step_begin(m, what))
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
        if (!host_step_begin(m, what))
            continue;
        r = ke_major(f, others[k].major, others[k].minor);
        after(m, f, what, &r);
    }
}

static void drive_device(struct host_machine *m, const char *device)
{
    struct ke_file *f = NULL;
    struct ke_result r;
    char what[160];

    pp_fmt(what, sizeof what, "open %s", device);
    (void)host_step_begin(m, what); /* each machine opens for itself */
    r = ke_open(device, 0xC0000000u, &f);
    host_step_end(m, what, &r);
    host_restart_if_unsound(m);
    if (!f)
        return;
    drive_codes(m, f, device);
    drive_rw(m, f, device);
    drive_others(m, f, device);
    pp_fmt(what, sizeof what, "close %s", device);
    (void)host_step_begin(m, what); /* as above */
    r = ke_close(f);
    host_step_end(m, what, &r);
    host_restart_if_unsound(m);
    ke_settle(100);
}

static void drive_power(struct host_machine *m, struct ke_pnp *node)
{
    static const struct {
        uint8_t minor;
        const char *what;
        unsigned state;
    } steps[] = {
        {IRP_MN_QUERY_POWER, "query power D3", PowerDeviceD3},
        {IRP_MN_SET_POWER, "set power D3", PowerDeviceD3},
        {IRP_MN_SET_POWER, "set power D0", PowerDeviceD0},
    };

    for (size_t k = 0; k < PP_COUNT(steps); k++) {
        struct ke_result r;

        if (!host_step_begin(m, steps[k].what))
            continue;
        r = ke_pnp_power(node, steps[k].minor, false, steps[k].state);
        host_step_end(m, steps[k].what, &r);
        host_restart_if_unsound(m);
    }
}

static void drive_pnp(struct host_machine *m, struct ke_pnp *node)
{
    static const struct {
        uint8_t minor;
        const char *what;
    } steps[] = {
        {IRP_MN_QUERY_CAPABILITIES, "IRP_MN_QUERY_CAPABILITIES"},
        {IRP_MN_QUERY_PNP_DEVICE_STATE, "IRP_MN_QUERY_PNP_DEVICE_STATE"},
        {IRP_MN_QUERY_DEVICE_RELATIONS, "IRP_MN_QUERY_DEVICE_RELATIONS"},
        {IRP_MN_QUERY_STOP_DEVICE, "IRP_MN_QUERY_STOP_DEVICE"},
        {IRP_MN_CANCEL_STOP_DEVICE, "IRP_MN_CANCEL_STOP_DEVICE"},
        {IRP_MN_QUERY_REMOVE_DEVICE, "IRP_MN_QUERY_REMOVE_DEVICE"},
        {IRP_MN_CANCEL_REMOVE_DEVICE, "IRP_MN_CANCEL_REMOVE_DEVICE"},
    };

    for (size_t k = 0; k < PP_COUNT(steps); k++) {
        struct ke_result r;

        if (!host_step_begin(m, steps[k].what))
            continue;
        r = ke_pnp_request(node, steps[k].minor);
        host_step_end(m, steps[k].what, &r);
        host_restart_if_unsound(m);
    }
}

void host_drive(struct host_machine *m, struct ke_pnp *node)
{
    static struct names names;

    m->requests_left = PROBES_MAX;
    ke_settle(100);
    if (node) {
        drive_pnp(m, node);
        drive_power(m, node);
    }
    ke_each_device(collect, &names);
    ke_each_interface(collect, &names);
    for (unsigned i = 0; i < names.count; i++)
        drive_device(m, names.name[i]);
    if (names.count)
        return;
    if (node) { /* no name of its own: requests go to the top of the device stack */
        char pdo[128];

        ke_pnp_name(node, pdo, sizeof pdo);
        drive_device(m, pdo);
    }
}
