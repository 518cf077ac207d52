#include "ke_fixture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Doubles ---- */

struct ke_machine ke_m;
EPROCESS *ps_system, *ps_user;
static struct ob_type types[5];
struct ob_type *ob_type_thread = &types[0], *ob_type_process = &types[1], *ob_type_callback = &types[2],
               *ob_type_device = &types[3], *ob_type_driver = &types[4];
struct ke_image fx_image;
NTSTATUS fx_raised;
static uint8_t image_bytes[0x1000];
static unsigned reports[VF_RULE_COUNT], total;
static struct vf_case last;
static jmp_buf *catcher;

struct object {
    struct ob_type *type;
    int64_t refs;
    uint8_t pad[16];
    uint8_t body[];
};

static struct object *of(const void *p)
{
    return (struct object *)((uintptr_t)p - offsetof(struct object, body));
}

void *ob_new(struct ob_type *type, size_t size, const char tag[4])
{
    struct object *o = calloc(1, sizeof *o + size);

    (void)tag;
    o->type = type;
    o->refs = 1;
    return o->body;
}

void ob_ref(void *p)
{
    of(p)->refs++;
}

void ob_unref(void *p)
{
    of(p)->refs--; /* never freed: tests look at dead threads */
}

int64_t ob_ref_count(const void *p)
{
    return of(p)->refs;
}

bool ob_is(const void *p, struct ob_type *type)
{
    return of(p)->type == type;
}

struct ob_type *ob_type_of(const void *p)
{
    (void)p;
    return NULL;
}

NTSTATUS ob_handle_new(void *object, ACCESS_MASK access, ULONG attributes, HANDLE *ret)
{
    (void)access;
    (void)attributes;
    ob_ref(object);
    *ret = object; /* a handle is the object here */
    return STATUS_SUCCESS;
}

NTSTATUS ob_handle_ref(HANDLE h, struct ob_type *type, void **ret)
{
    (void)type;
    *ret = h;
    ob_ref(h);
    return STATUS_SUCCESS;
}

NTSTATUS ob_insert(const UNICODE_STRING *name, void *object)
{
    (void)name;
    (void)object;
    return STATUS_SUCCESS;
}

NTSTATUS ob_where_init(struct ob_where *ret, const OBJECT_ATTRIBUTES *attr)
{
    (void)attr;
    memset(ret, 0, sizeof *ret);
    return STATUS_SUCCESS;
}

void ob_where_done(struct ob_where *w)
{
    (void)w;
}

NTSTATUS ob_lookup_at(const struct ob_where *w, void **ret, UNICODE_STRING *rest)
{
    (void)w;
    (void)ret;
    (void)rest;
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS ob_insert_at(const struct ob_where *w, void *object)
{
    (void)w;
    (void)object;
    return STATUS_SUCCESS;
}

void *ex_alloc_kernel(size_t size, const char tag[4], bool paged)
{
    (void)tag;
    (void)paged;
    return calloc(1, size);
}

void ex_free_kernel(void *p)
{
    free(p);
}

void *ex_alloc_for_driver(POOL_TYPE type, size_t size, uint32_t tag)
{
    (void)type;
    (void)tag;
    return calloc(1, size);
}

void ex_free_for_driver(void *p, uint32_t tag)
{
    (void)tag;
    free(p);
}

struct ke_image *ke_image_at(uint64_t addr)
{
    return addr - fx_image.base < fx_image.size ? &fx_image : NULL;
}

void ke_image_paged_revoke(void)
{
}

bool ke_unwind_step(struct os_regs *r)
{
    (void)r;
    return false;
}

const struct os_regs *ke_trap_regs(void)
{
    return NULL;
}

void ke_trap_preempt(void)
{
}

bool ke_exception_origin(struct ke_gate_record **rec, struct os_regs *ret)
{
    (void)rec;
    (void)ret;
    return false;
}

bool zw_check(const struct ke_gate_record *r)
{
    (void)r;
    return false;
}

void *ke_fault_check(struct ke_gate_record *r)
{
    return r->export->fn;
}

bool vf_has(uint32_t option)
{
    (void)option;
    return false;
}

bool ke_caller_is_verified(void)
{
    return true;
}

bool vf_is_enabled(void)
{
    return true;
}

bool fx_rules_off;

bool vf_rule_on(enum vf_rule rule)
{
    (void)rule;
    return !fx_rules_off;
}

const struct vf_rule_info *vf_rule_info(enum vf_rule rule)
{
    static struct vf_rule_info info;

    (void)rule;
    return &info;
}

uint32_t vf_report(const struct vf_case *c)
{
    reports[c->rule]++;
    total++;
    last = *c;
    return total;
}

uint32_t vf_report_bugcheck(uint32_t code, const uint64_t p[4])
{
    struct vf_case c = {.rule = VF_DRIVER_BUGCHECK, .p = {code, p[0], p[1], p[2]}};

    return vf_report(&c);
}

void ke_raise_status(NTSTATUS status)
{
    fx_raised = status;
    if (!catcher)
        abort();
    longjmp(*catcher, 1);
}

static PP_NORETURN void hang(void *ctx, const char *what, const struct vf_stack *stack)
{
    (void)ctx;
    (void)stack;
    fprintf(stderr, "%s\n", what);
    _exit(4);
}

/* Doubles of objects are never freed: tests look at dead threads. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* ---- Helpers ---- */

void fx_init(uint64_t seed)
{
    struct pl_config pool;

    pl_config_init(&pool);
    cr_assert_eq(pl_pool_new(&pool, &ke_m.pool), 0);
    ke_m.config.cpus = 2;
    ke_m.config.host.hang = hang;
    pp_random_init(&ke_m.random, seed);
    cr_assert_eq(ke_sched_init(), 0);
    fx_image.base = (uint64_t)(uintptr_t)image_bytes;
    fx_image.size = sizeof image_bytes;
    snprintf(fx_image.name, sizeof fx_image.name, "x.sys");
}

struct job {
    void (*fn)(void *arg);
    void *arg;
    bool is_done;
};

static void job_main(void *arg)
{
    struct job *j = arg;

    j->fn(j->arg);
    j->is_done = true;
}

static bool job_done(void *ctx)
{
    return ((struct job *)ctx)->is_done;
}

bool fx_run(void (*fn)(void *arg), void *arg)
{
    struct job *j = calloc(1, sizeof *j);

    j->fn = fn;
    j->arg = arg;
    (void)ke_thread_new(job_main, j, false);
    return ke_run_until(job_done, j);
}

unsigned fx_reports(enum vf_rule rule)
{
    return reports[rule];
}

unsigned fx_reports_total(void)
{
    return total;
}

const struct vf_case *fx_last(void)
{
    return &last;
}

bool fx_raises(void (*fn)(void *arg), void *arg)
{
    jmp_buf here;
    jmp_buf *before = catcher;

    if (setjmp(here)) {
        catcher = before;
        return true;
    }
    catcher = &here;
    fn(arg);
    catcher = before;
    return false;
}

void fx_append(char *buf, size_t size, const char *text)
{
    strncat(buf, text, size - strlen(buf) - 1);
}
