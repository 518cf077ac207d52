/*
 * Requests from outside: what the host (a scenario, the default drive) sends, as a user-mode
 * program would. Each runs in a request thread of the simulated program, inside a boundary, so that
 * a fatal finding ends the request and nothing else.
 *
 * Buffers: METHOD_BUFFERED and DO_BUFFERED_IO go through a guarded system buffer of exactly the
 * size the driver was told; direct and neither go to simulated user memory against a guard of its
 * own.
 *
 * A request lives until its IRP is completed, which may be long after the host stopped waiting for
 * it.
 *
 * Doc: WDK, "Methods for Accessing Data Buffers", "Buffer Descriptions for I/O Control Codes".
 */
#include "kernel/io_nt.h"

#include <string.h>

/* ---- Files and requests ---- */

/* A piece of simulated user memory, kept with the file for the next request of that size. */
struct user_memory {
    uint8_t *p;
    size_t size;
    bool is_busy;
};

enum { USER_KEPT = 4, KEPT_BY_HOST = -2 };

struct ke_file {
    FILE_OBJECT *file;
    ACCESS_MASK access;
    bool is_overlapped;
    struct pp_list requests; /* whose IRP is not completed */
    struct user_memory kept[USER_KEPT];
};

struct request {
    struct pp_list link;
    struct io_sink sink;
    struct ke_file *f; /* NULL once the file is closed */
    IRP *irp;          /* NULL once completed */
    uint64_t irp_addr; /* for reports */
    UCHAR major, minor;
    ULONG code;
    const void *in;
    void *out; /* the host's; NULL when it no longer waits */
    ULONG in_size, out_size;
    uint64_t offset;
    struct user_memory user_in, user_out;
    int kept_in, kept_out; /* index in f->kept, -1: own */
    NTSTATUS returned;     /* by the dispatch routine */
    IO_STATUS_BLOCK iosb;
    bool has_returned, is_completed, was_marked, is_fast, is_aborted;
    bool host_waits;
    uint64_t routine;
    struct ke_image *image;
    bool thread_done;
};

static struct {
    uint64_t requests, completed, succeeded;
} g;

void io_exercised(struct ke_exercised *ret)
{
    ret->requests = g.requests;
    ret->completed = g.completed;
    ret->succeeded = g.succeeded;
}

/* ---- Simulated user memory ---- */

static struct user_memory user_take(struct ke_file *f, size_t size, int *kept)
{
    struct user_memory m = {0};

    *kept = -1;
    if (!size)
        return m;
    for (int i = 0; i < USER_KEPT; i++) {
        if (f->kept[i].size == size && !f->kept[i].is_busy) {
            f->kept[i].is_busy = true;
            *kept = i;
            return f->kept[i];
        }
    }
    m.p = mm_user_alloc(size);
    m.size = size;
    for (int i = 0; i < USER_KEPT; i++) {
        if (!f->kept[i].is_busy) {
            if (f->kept[i].p)
                mm_user_free(f->kept[i].p);
            m.is_busy = true;
            f->kept[i] = m;
            *kept = i;
            return m;
        }
    }
    return m;
}

/* The host's buffer as the driver's process sees it: a copy, or the buffer itself when the host
 * made it with ke_user_alloc. */
static struct user_memory user_of(struct ke_file *f, const void *host, size_t size, int *kept)
{
    struct user_memory m;

    if (size && mm_is_user(KE_ARG(host), size)) {
        *kept = KEPT_BY_HOST;
        m = (struct user_memory){.p = (uint8_t *)(uintptr_t)host, .size = size, .is_busy = true};
        return m;
    }
    m = user_take(f, size, kept);
    if (size)
        memcpy(m.p, host, size);
    return m;
}

static void user_give(struct ke_file *f, struct user_memory *m, int kept)
{
    if (!m->p)
        return;
    if (kept == KEPT_BY_HOST)
        ;
    else if (kept >= 0 && f)
        f->kept[kept].is_busy = false;
    else
        mm_user_free(m->p);
    m->p = NULL;
}

/* ---- Rules about how a dispatch routine ends ---- */

static void rule(const struct request *r, enum vf_rule id, uint64_t p4)
{
    struct vf_stack stack = {.count = 1, .pc = {r->routine}};
    struct vf_case c = {.rule = id,
                        .p = {0, r->routine, r->irp_addr, p4},
                        .access = VF_NO_ACCESS,
                        .pc = r->routine,
                        .stack = &stack,
                        .driver = r->image ? r->image->name : NULL};

    if (r->image && r->image->is_verified)
        vf_report(&c);
}

static void check_return(const struct request *r)
{
    NTSTATUS s = r->returned;

    if (r->is_completed) {
        if (s == STATUS_PENDING && !r->was_marked)
            rule(r, VF_IO_PENDING_UNMARKED, 0);
        else if (s != STATUS_PENDING && s != r->iosb.Status)
            rule(r, VF_IO_RETURN_DIFFERS, (uint32_t)s);
    } else if (s != STATUS_PENDING && r->irp) {
        const IO_STACK_LOCATION *top = (IO_STACK_LOCATION *)(r->irp + 1) + r->irp->StackCount - 1;

        rule(r, top->Control & SL_PENDING_RETURNED ? VF_IO_MARKED_NOT_PENDING : VF_IO_NOT_COMPLETED,
             (uint32_t)s);
    }
}

/* ---- Completion ---- */

static void copy_out(struct request *r, IRP *irp)
{
    const ULONG both = IRP_BUFFERED_IO | IRP_INPUT_OPERATION;
    uint64_t size = irp->IoStatus.Information;

    if ((irp->Flags & both) == both && !NT_ERROR(irp->IoStatus.Status)) {
        if (size > r->out_size) {
            rule(r, VF_IO_INFORMATION_LARGE, size);
            size = r->out_size;
        }
        memcpy(r->user_out.p, irp->AssociatedIrp.SystemBuffer, size);
    }
    if (r->out && r->user_out.p && r->kept_out != KEPT_BY_HOST)
        memcpy(r->out, r->user_out.p, r->out_size);
}

static void request_free(struct request *r)
{
    user_give(r->f, &r->user_in, r->kept_in);
    user_give(r->f, &r->user_out, r->kept_out);
    pp_list_remove(&r->link);
    pp_free(r);
}

static void request_done(struct io_sink *sink, IRP *irp)
{
    struct request *r = PP_CONTAINER(sink, struct request, sink);

    r->iosb = irp->IoStatus;
    r->was_marked = irp->PendingReturned;
    r->is_completed = true;
    g.completed++;
    g.succeeded += NT_SUCCESS(r->iosb.Status);
    copy_out(r, irp);
    if (r->has_returned && r->returned == STATUS_PENDING && !r->was_marked)
        rule(r, VF_IO_PENDING_UNMARKED, 0);
    r->irp = NULL;
    user_give(r->f, &r->user_in, r->kept_in);
    user_give(r->f, &r->user_out, r->kept_out);
    if (!r->host_waits && r->thread_done)
        request_free(r);
}

/* ---- Building ---- */

static void user_buffers(struct request *r)
{
    r->user_in = user_of(r->f, r->in, r->in_size, &r->kept_in);
    r->user_out = user_of(r->f, r->out, r->out_size, &r->kept_out);
}

/* The output buffer alone: buffered transfer copies the input itself. */
static void user_output(struct request *r)
{
    r->user_out = user_of(r->f, r->out, r->out_size, &r->kept_out);
}

static void build_control(struct request *r, IRP *irp, IO_STACK_LOCATION *s)
{
    ULONG method = METHOD_FROM_CTL_CODE(r->code);

    s->Parameters.DeviceIoControl.OutputBufferLength = r->out_size;
    s->Parameters.DeviceIoControl.InputBufferLength = r->in_size;
    s->Parameters.DeviceIoControl.IoControlCode = r->code;
    if (method == METHOD_NEITHER) {
        user_buffers(r);
        irp->UserBuffer = r->user_out.p;
        s->Parameters.DeviceIoControl.Type3InputBuffer = r->user_in.p;
        return;
    }
    user_output(r);
    irp->UserBuffer = r->user_out.p;
    if (method == METHOD_BUFFERED) {
        ULONG size = PP_MAX(r->in_size, r->out_size);

        if (!size)
            return;
        irp->AssociatedIrp.SystemBuffer = io_system_buffer(size, r->in, r->in_size);
        irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
        if (r->out_size)
            irp->Flags |= IRP_INPUT_OPERATION;
        return;
    }
    if (r->in_size) {
        irp->AssociatedIrp.SystemBuffer = io_system_buffer(r->in_size, r->in, r->in_size);
        irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    }
    if (r->out_size)
        (void)io_attach_mdl(irp, r->user_out.p, r->out_size, UserMode,
                            method == METHOD_IN_DIRECT ? IoReadAccess : IoWriteAccess);
}

static void build_transfer(struct request *r, IRP *irp, IO_STACK_LOCATION *s, ULONG device_flags)
{
    bool is_read = r->major == IRP_MJ_READ;
    ULONG size = is_read ? r->out_size : r->in_size;

    s->Parameters.Read.Length = size;
    s->Parameters.Read.ByteOffset.QuadPart = (LONGLONG)r->offset;
    irp->Flags |= is_read ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;
    user_buffers(r);
    irp->UserBuffer = is_read ? r->user_out.p : r->user_in.p;
    if (!size)
        return;
    if (device_flags & DO_BUFFERED_IO) {
        irp->AssociatedIrp.SystemBuffer = io_system_buffer(size, r->in, is_read ? 0 : size);
        irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
        if (is_read)
            irp->Flags |= IRP_INPUT_OPERATION;
    } else if (device_flags & DO_DIRECT_IO) {
        (void)io_attach_mdl(irp, irp->UserBuffer, size, UserMode,
                            is_read ? IoWriteAccess : IoReadAccess);
    }
}

/* Queries and the like: a buffer both ways, the parameter block zeroed but for the length. */
static void build_other(struct request *r, IRP *irp, IO_STACK_LOCATION *s)
{
    ULONG size = PP_MAX(r->in_size, r->out_size);

    if (!size)
        return;
    s->Parameters.QueryFile.Length = size;
    if (r->major == IRP_MJ_QUERY_INFORMATION || r->major == IRP_MJ_SET_INFORMATION)
        s->Parameters.QueryFile.FileInformationClass = r->code;
    if (r->major == IRP_MJ_QUERY_VOLUME_INFORMATION)
        s->Parameters.QueryVolume.FsInformationClass = r->code;
    if (r->major == IRP_MJ_QUERY_SECURITY) {
        s->Parameters.QuerySecurity.SecurityInformation = 4; /* the DACL */
        s->Parameters.QuerySecurity.Length = size;
    }
    user_output(r);
    irp->UserBuffer = r->user_out.p;
    irp->AssociatedIrp.SystemBuffer = io_system_buffer(size, r->in, r->in_size);
    irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    if (r->out_size)
        irp->Flags |= IRP_INPUT_OPERATION;
}

static IRP *build(struct request *r, DEVICE_OBJECT *device)
{
    IRP *irp = io_irp_new(device->StackSize);
    IO_STACK_LOCATION *s = io_stack_next(irp);
    struct io_irp *i = io_irp_of(irp);
    FILE_OBJECT *file = r->f->file;

    r->irp = irp;
    r->irp_addr = (uint64_t)(uintptr_t)irp;
    i->sink = &r->sink;
    irp->RequestorMode = UserMode;
    irp->Tail.Overlay.OriginalFileObject = file;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    s->MajorFunction = r->major;
    s->MinorFunction = r->minor;
    s->FileObject = file;
    if (r->major == IRP_MJ_DEVICE_CONTROL || r->major == IRP_MJ_INTERNAL_DEVICE_CONTROL ||
        r->major == IRP_MJ_FILE_SYSTEM_CONTROL)
        build_control(r, irp, s);
    else if (r->major == IRP_MJ_READ || r->major == IRP_MJ_WRITE)
        build_transfer(r, irp, s, device->Flags);
    else
        build_other(r, irp, s);
    return irp;
}

/* ---- Sending ---- */

/* Doc: WDK, FAST_IO_DISPATCH: device control may be served without an IRP. */
static bool try_fast(struct request *r, DEVICE_OBJECT *device)
{
    const FAST_IO_DISPATCH *fast = device->DriverObject->FastIoDispatch;
    IO_STATUS_BLOCK iosb = {0};
    ULONG *regions = &ke_thread_now->object->Tcb.CombinedApcDisable, before = *regions;
    bool served;

    if (r->major != IRP_MJ_DEVICE_CONTROL || !fast ||
        fast->SizeOfFastIoDispatch <= offsetof(FAST_IO_DISPATCH, FastIoDeviceControl) ||
        !fast->FastIoDeviceControl)
        return false;
    user_buffers(r);
    served = (BOOLEAN)ke_call(KE_ARG(fast->FastIoDeviceControl), KE_ARG(r->f->file), TRUE,
                              KE_ARG(r->user_in.p), r->in_size, KE_ARG(r->user_out.p), r->out_size,
                              r->code, KE_ARG(&iosb), KE_ARG(device));
    if (*regions != before) {
        io_rule(VF_IO_FAST_APC, 0, KE_ARG(fast->FastIoDeviceControl), *regions, before, NULL);
        *regions = before;
    }
    if (served) {
        r->iosb = iosb;
        r->is_fast = r->is_completed = true;
        if (r->out && r->user_out.p)
            memcpy(r->out, r->user_out.p, r->out_size);
        g.completed++;
        g.succeeded += NT_SUCCESS(iosb.Status);
    }
    user_give(r->f, &r->user_in, r->kept_in);
    user_give(r->f, &r->user_out, r->kept_out);
    return served;
}

static void request_inside(struct request *r)
{
    DEVICE_OBJECT *device = io_file_device(r->f->file);
    IRP *irp;

    r->image = io_driver_image(device->DriverObject);
    r->routine = KE_ARG(device->DriverObject->MajorFunction[r->major]);
    if (try_fast(r, device)) {
        r->returned = r->iosb.Status;
        return;
    }
    irp = build(r, device);
    r->returned = io_call(device, irp);
    r->has_returned = true;
    if (vf_has(VF_OPT_IO))
        check_return(r);
}

static NTAPI void request_boundary(struct request *r)
{
    request_inside(r);
}

static void request_thread(void *arg)
{
    struct request *r = arg;
    const uint64_t argv[1] = {KE_ARG(r)};

    ke_thread_now->object->Tcb.PreviousMode = UserMode;
    (void)ke_callout(KE_ARG(request_boundary), KE_CALL_BOUNDARY, &r->is_aborted, 1, argv);
    r->thread_done = true;
    if (!r->host_waits && r->is_completed)
        request_free(r);
}

static bool request_returned(void *ctx)
{
    return ((const struct request *)ctx)->thread_done;
}

/* Nothing more will come of it for the host. */
static bool request_over(void *ctx)
{
    const struct request *r = ctx;

    if (!r->thread_done)
        return false;
    return r->f->is_overlapped || r->is_completed || r->is_aborted || r->returned != STATUS_PENDING;
}

static struct ke_result request_run(struct request *r)
{
    struct ke_result res = {.outcome = KE_DONE};

    g.requests++;
    r->sink.done = request_done;
    r->kept_in = r->kept_out = -1;
    r->host_waits = true;
    pp_list_push_back(&r->f->requests, &r->link);
    (void)ke_thread_new(request_thread, r, true);
    if (ke_run_until(request_returned, r))
        (void)ke_run_until_parked(request_over, r);
    r->host_waits = false;
    r->out = NULL;
    if (r->is_aborted) {
        res.outcome = KE_CONTAINED;
        res.status = r->is_completed ? r->iosb.Status : STATUS_UNSUCCESSFUL;
    } else if (r->is_completed) {
        res.status = r->iosb.Status;
        res.information = r->iosb.Information;
    } else if (r->thread_done && r->returned != STATUS_PENDING) {
        res.status = r->returned; /* the IRP was lost; it stays among the file's requests */
        return res;
    } else {
        res.outcome = KE_PENDING;
        res.status = STATUS_PENDING;
        return res;
    }
    if (r->is_completed && r->thread_done)
        request_free(r);
    return res;
}

static struct request *request_new(struct ke_file *f, UCHAR major)
{
    struct request *r = pp_new(sizeof *r);

    PP_ASSERT(r);
    pp_list_init(&r->link);
    r->f = f;
    r->major = major;
    return r;
}

/* ---- The host's calls ---- */

struct open_job {
    struct io_open o;
    UNICODE_STRING name;
    WCHAR text[512];
    FILE_OBJECT *file;
    NTSTATUS status;
    ULONG_PTR info;
};

static void open_inside(void *arg)
{
    struct open_job *j = arg;

    j->status = io_file_open(&j->o, &j->file, &j->info);
}

/* \\.\Foo and \\?\Foo are \??\Foo for the object manager. */
static void name_set(struct open_job *j, const char *name)
{
    char nt[512];

    if (!strncmp(name, "\\\\.\\", 4) || !strncmp(name, "\\\\?\\", 4))
        pp_fmt(nt, sizeof nt, "\\??\\%s", name + 4);
    else
        pp_fmt(nt, sizeof nt, "%s", name);
    rtl_from_utf8(nt, j->text, PP_COUNT(j->text));
    rtl_init_string(&j->name, j->text);
    j->o.name = &j->name;
}

struct ke_result ke_open(const char *name, uint32_t access, struct ke_file **ret)
{
    struct ke_result res = {.outcome = KE_DONE};
    struct open_job *j = pp_new(sizeof *j);
    struct ke_file *f;
    enum io_ran ran;

    PP_ASSERT(j);
    j->o.access = access | SYNCHRONIZE | FILE_READ_ATTRIBUTES;
    j->o.share = FILE_SHARE_READ | FILE_SHARE_WRITE;
    j->o.disposition = FILE_OPEN;
    j->o.options = FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE;
    j->o.attributes = FILE_ATTRIBUTE_NORMAL;
    j->o.mode = UserMode;
    j->o.major = IRP_MJ_CREATE;
    name_set(j, name);
    g.requests++;
    ran = io_run(open_inside, j, true);
    if (ran != IO_RAN) {
        res.outcome = ran == IO_BLOCKED ? KE_PENDING : KE_CONTAINED;
        res.status = ran == IO_BLOCKED ? STATUS_PENDING : STATUS_UNSUCCESSFUL;
        return res; /* j stays: the thread may still use it */
    }
    g.completed++;
    g.succeeded += NT_SUCCESS(j->status);
    res.status = j->status;
    res.information = j->info;
    if (NT_SUCCESS(j->status)) {
        f = pp_new(sizeof *f);
        PP_ASSERT(f);
        f->file = j->file;
        f->file->Flags |= FO_HANDLE_CREATED;
        f->access = access;
        pp_list_init(&f->requests);
        *ret = f;
    }
    pp_free(j);
    return res;
}

/* What the control code asks of the handle. Doc: WDK, "Defining I/O Control Codes", RequiredAccess.
 */
static bool may_control(const struct ke_file *f, uint32_t code)
{
    ULONG need = NT_ACCESS_FROM_CTL_CODE(code);

    return !((need & FILE_READ_ACCESS) && !f->file->ReadAccess) &&
           !((need & FILE_WRITE_ACCESS) && !f->file->WriteAccess);
}

struct ke_result ke_ioctl(struct ke_file *f, uint32_t code, const void *in, size_t in_size,
                          void *out, size_t out_size, bool internal)
{
    struct ke_result denied = {.outcome = KE_DONE, .status = STATUS_ACCESS_DENIED};
    struct request *r;

    if (!internal && !may_control(f, code))
        return denied;
    r = request_new(f, internal ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL);
    r->code = code;
    r->in = in;
    r->in_size = (ULONG)in_size;
    r->out = out;
    r->out_size = (ULONG)out_size;
    return request_run(r);
}

void ke_overlapped(struct ke_file *f)
{
    f->is_overlapped = true;
    f->file->Flags &= ~(ULONG)FO_SYNCHRONOUS_IO;
}

void *ke_user_alloc(size_t size)
{
    return mm_user_alloc(size);
}

void ke_user_free(void *p)
{
    mm_user_free(p);
}

struct ke_result ke_read(struct ke_file *f, uint64_t offset, void *buf, size_t size)
{
    struct request *r = request_new(f, IRP_MJ_READ);

    r->offset = offset;
    r->out = buf;
    r->out_size = (ULONG)size;
    return request_run(r);
}

struct ke_result ke_write(struct ke_file *f, uint64_t offset, const void *buf, size_t size)
{
    struct request *r = request_new(f, IRP_MJ_WRITE);

    r->offset = offset;
    r->in = buf;
    r->in_size = (ULONG)size;
    return request_run(r);
}

/* Which class, and how large a buffer, a query without a caller's own ideas uses. */
static void major_defaults(struct request *r, void *buf)
{
    r->out = buf;
    switch (r->major) {
    case IRP_MJ_QUERY_INFORMATION:
        r->code = 5; /* FileStandardInformation */
        r->out_size = 24;
        break;
    case IRP_MJ_SET_INFORMATION:
        r->code = 14; /* FilePositionInformation */
        r->in = buf;
        r->in_size = 8;
        break;
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
        r->code = 4; /* FileFsDeviceInformation */
        r->out_size = 8;
        break;
    case IRP_MJ_QUERY_SECURITY:
    case IRP_MJ_QUERY_EA:
        r->out_size = 64;
        break;
    default:
        break;
    }
}

struct ke_result ke_major(struct ke_file *f, uint8_t major, uint8_t minor)
{
    static uint8_t buf[64];
    struct request *r = request_new(f, major);

    memset(buf, 0, sizeof buf);
    r->minor = minor;
    major_defaults(r, buf);
    return request_run(r);
}

/* ---- Cancelling and closing ---- */

struct cancel_job {
    struct ke_file *f;
    unsigned count;
};

static void cancel_inside(void *arg)
{
    struct cancel_job *j = arg;
    struct pp_list *it;
    bool again = true;

    while (again) { /* a cancel routine may complete any of them */
        again = false;
        PP_LIST_EACH(it, &j->f->requests)
        {
            struct request *r = PP_CONTAINER(it, struct request, link);

            if (!r->irp || r->irp->Cancel)
                continue;
            j->count++;
            (void)io_cancel(r->irp);
            again = true;
            break;
        }
    }
}

unsigned ke_cancel(struct ke_file *f)
{
    struct cancel_job *j = pp_new(sizeof *j);
    unsigned count;

    PP_ASSERT(j);
    j->f = f;
    if (io_run(cancel_inside, j, true) == IO_BLOCKED)
        return j->count;
    ke_run_idle(0);
    count = j->count;
    pp_free(j);
    return count;
}

static void close_inside(void *arg)
{
    FILE_OBJECT *file = arg;

    io_file_cleanup(file);
    ob_unref(file);
}

/* Requests that outlive the file lose their way back to it. */
static void detach_requests(struct ke_file *f)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &f->requests)
    {
        struct request *r = PP_CONTAINER(it, struct request, link);

        if (r->kept_in >= 0)
            f->kept[r->kept_in].p = NULL;
        if (r->kept_out >= 0)
            f->kept[r->kept_out].p = NULL;
        r->kept_in = r->kept_out = -1;
        r->f = NULL;
        pp_list_remove(it);
    }
}

struct ke_result ke_close(struct ke_file *f)
{
    struct ke_result res = {.outcome = KE_DONE};
    enum io_ran ran;

    g.requests++;
    ran = io_run(close_inside, f->file, true);
    if (ran == IO_RAN)
        g.completed++, g.succeeded++;
    else
        res.outcome = ran == IO_BLOCKED ? KE_PENDING : KE_CONTAINED;
    res.status = ran == IO_RAN ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
    detach_requests(f);
    for (int i = 0; i < USER_KEPT; i++)
        if (f->kept[i].p)
            mm_user_free(f->kept[i].p);
    pp_free(f);
    return res;
}

/* ---- What there is to open ---- */

struct each {
    bool (*fn)(void *ctx, const char *name, const struct ke_image *owner);
    void *ctx;
};

static bool each_device(void *ctx, const WCHAR *name, void *object)
{
    struct each *e = ctx;
    char utf8[256];
    char full[272];
    DEVICE_OBJECT *device = object;
    struct ke_image *owner;

    if (!io_is_device(object) || !device->DriverObject)
        return true;
    owner = io_driver_image(device->DriverObject);
    if (!owner)
        return true; /* one of ours */
    rtl_to_utf8(name, rtl_wcslen(name), utf8, sizeof utf8);
    pp_fmt(full, sizeof full, "\\Device\\%s", utf8);
    return e->fn(e->ctx, full, owner);
}

void ke_each_device(bool (*fn)(void *ctx, const char *name, const struct ke_image *owner),
                    void *ctx)
{
    struct each e = {fn, ctx};

    ob_each_name(u"\\Device", each_device, &e);
}
