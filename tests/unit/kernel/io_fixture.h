/* A whole machine in the test's process, and a driver object with native dispatch routines. */
#ifndef IO_FIXTURE_H
#define IO_FIXTURE_H

#include "kernel/io_nt.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
    unsigned count[VF_RULE_COUNT], total;
} findings;

static void on_finding(void *ctx, const struct vf_finding *f)
{
    (void)ctx;
    findings.count[f->rule]++;
    findings.total++;
}

static void on_module(void *ctx, const char *name, const char *path, uint64_t base, uint32_t size,
                      bool is_load)
{
    (void)ctx, (void)name, (void)path, (void)base, (void)size, (void)is_load;
}

static void on_text(void *ctx, const char *text)
{
    (void)ctx, (void)text;
}

static void on_print(void *ctx, const char *text, size_t size)
{
    (void)ctx, (void)text, (void)size;
}

static PP_NORETURN void on_not_modelled(void *ctx, const char *name, const char *detail,
                                        const struct vf_stack *stack)
{
    (void)ctx, (void)stack;
    cr_log_error("not modelled: %s %s", name, detail ? detail : "");
    _Exit(3);
}

static PP_NORETURN void on_hang(void *ctx, const char *what, const struct vf_stack *stack)
{
    (void)ctx, (void)stack;
    cr_log_error("hang: %s", what);
    _Exit(4);
}

static PP_NORETURN void on_own_fault(void *ctx, const char *what)
{
    (void)ctx;
    cr_log_error("own fault: %s", what);
    _Exit(70);
}

static PP_NORETURN void on_stopped(void *ctx)
{
    (void)ctx;
    _Exit(1);
}

static void machine_start_with(bool verify)
{
    struct ke_config cfg;
    char why[PP_WHY_SIZE] = "";

    ke_config_init(&cfg);
    cfg.verify = verify;
    cfg.coverage = false;
    cfg.seed = 1;
    cfg.host = (struct ke_host){.finding = on_finding,
                                .module = on_module,
                                .debug_print = on_print,
                                .note = on_text,
                                .warn = on_text,
                                .not_modelled = on_not_modelled,
                                .hang = on_hang,
                                .own_fault = on_own_fault,
                                .stopped = on_stopped};
    cr_assert_eq(ke_init(&cfg, why), 0, "%s", why);
}

static PP_UNUSED void machine_start(void)
{
    machine_start_with(true);
}

static PP_UNUSED DEVICE_OBJECT *device_make(DRIVER_OBJECT *driver, const WCHAR *name, ULONG extension)
{
    UNICODE_STRING s;
    DEVICE_OBJECT *d = NULL;

    rtl_init_string(&s, name);
    cr_assert_eq(IoCreateDevice(driver, extension, name ? &s : NULL, FILE_DEVICE_UNKNOWN, 0, FALSE,
                                &d),
                 STATUS_SUCCESS);
    d->Flags &= ~DO_DEVICE_INITIALIZING;
    return d;
}

static PP_UNUSED NTSTATUS end(IRP *irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IofCompleteRequest(irp, 0);
    return status;
}

#endif
