/*
 * ObRegisterCallbacks: filters asked before and told after a handle to a process, thread or desktop
 * is made. They run in order of altitude, the highest first.
 *
 * Doc: WDK, wdm.h, ObRegisterCallbacks, OB_PRE_OPERATION_CALLBACK, OB_POST_OPERATION_CALLBACK.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

enum { OP_CREATE = 1, OP_DUPLICATE = 2, REGISTRATIONS_MAX = 32, OPERATIONS_MAX = 8 };

struct ob_operation_registration { /* OB_OPERATION_REGISTRATION */
    POBJECT_TYPE *ObjectType;
    ULONG Operations;
    PVOID PreOperation;
    PVOID PostOperation;
};
struct ob_callback_registration { /* OB_CALLBACK_REGISTRATION */
    USHORT Version;
    USHORT OperationRegistrationCount;
    UNICODE_STRING Altitude;
    PVOID RegistrationContext;
    struct ob_operation_registration *OperationRegistration;
};
_Static_assert(sizeof(struct ob_operation_registration) == 0x20, "OB_OPERATION_REGISTRATION");
_Static_assert(sizeof(struct ob_callback_registration) == 0x28, "OB_CALLBACK_REGISTRATION");

struct ob_pre_information { /* OB_PRE_OPERATION_INFORMATION */
    ULONG Operation;
    ULONG Flags; /* bit 0: kernel handle */
    PVOID Object;
    POBJECT_TYPE ObjectType;
    PVOID CallContext;
    PVOID Parameters;
    struct { /* OB_PRE_OPERATION_PARAMETERS, right behind */
        ACCESS_MASK DesiredAccess;
        ACCESS_MASK OriginalDesiredAccess;
        PVOID SourceProcess, TargetProcess; /* duplication only */
    } params;
};
struct ob_post_information { /* OB_POST_OPERATION_INFORMATION */
    ULONG Operation;
    ULONG Flags;
    PVOID Object;
    POBJECT_TYPE ObjectType;
    PVOID CallContext;
    NTSTATUS ReturnStatus;
    PVOID Parameters;
    struct {
        ACCESS_MASK GrantedAccess;
    } params;
};
_Static_assert(offsetof(struct ob_pre_information, params) == 0x28, "OB_PRE_OPERATION_INFORMATION");
_Static_assert(offsetof(struct ob_post_information, params) == 0x30,
               "OB_POST_OPERATION_INFORMATION");

struct registration {
    struct pp_list link; /* highest altitude first */
    void *handle;        /* what the driver holds: a block of guarded memory */
    uint64_t context;
    WCHAR altitude[32];
    uint32_t owner;
    unsigned count;
    struct {
        struct ob_type *type;
        ULONG operations;
        uint64_t pre, post;
        void *call_context; /* between pre and post */
    } op[OPERATIONS_MAX];
};

static struct {
    struct pp_list all;
    bool is_ready, is_running; /* a callback that opens handles is not asked about them */
} g;

/* Decimal numbers of any length: the longer one is higher. */
static int altitude_compare(const WCHAR *a, const WCHAR *b)
{
    size_t na = rtl_wcslen(a), nb = rtl_wcslen(b);

    if (na != nb)
        return na < nb ? -1 : 1;
    for (; *a && *a == *b; a++, b++)
        continue;
    return *a == *b ? 0 : *a < *b ? -1 : 1;
}

static NTSTATUS registration_fill(struct registration *r,
                                  const struct ob_callback_registration *from)
{
    size_t chars = from->Altitude.Length / sizeof(WCHAR);
    const struct ke_image *image = ke_image_current();

    if ((from->Version & 0xFF00) != 0x100 || !chars || chars >= PP_COUNT(r->altitude) ||
        !from->OperationRegistrationCount || from->OperationRegistrationCount > OPERATIONS_MAX)
        return STATUS_INVALID_PARAMETER;
    memcpy(r->altitude, from->Altitude.Buffer, chars * sizeof(WCHAR));
    r->context = KE_ARG(from->RegistrationContext);
    r->owner = image ? image->owner : 0;
    r->count = from->OperationRegistrationCount;
    for (unsigned i = 0; i < r->count; i++) {
        const struct ob_operation_registration *op = &from->OperationRegistration[i];

        r->op[i].type = op->ObjectType ? ob_type_from_object(*op->ObjectType) : NULL;
        r->op[i].operations = op->Operations;
        r->op[i].pre = KE_ARG(op->PreOperation);
        r->op[i].post = KE_ARG(op->PostOperation);
        /* Doc: processes and threads, desktops since Windows 10. */
        if ((r->op[i].type != ob_type_process && r->op[i].type != ob_type_thread &&
             (!op->ObjectType || *op->ObjectType != KE_DATA->ExDesktopObjectType)) ||
            !op->Operations || op->Operations > (OP_CREATE | OP_DUPLICATE) ||
            (!op->PreOperation && !op->PostOperation))
            return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ObRegisterCallbacks(struct ob_callback_registration *from, PVOID *ret)
{
    struct registration *r = pp_new(sizeof *r);
    struct pp_list *it;
    NTSTATUS status;

    if (!r)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!g.is_ready) {
        pp_list_init(&g.all);
        g.is_ready = true;
    }
    status = registration_fill(r, from);
    if (status)
        goto fail_free;
    PP_LIST_EACH(it, &g.all)
    {
        int order =
            altitude_compare(PP_CONTAINER(it, struct registration, link)->altitude, r->altitude);

        if (!order) {
            status = STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
            goto fail_free;
        }
        if (order < 0)
            break;
    }
    r->handle = ex_alloc_kernel(0x40, "ObCb", true);
    pp_list_insert_between(&r->link, it->prev, it);
    *ret = r->handle;
    return STATUS_SUCCESS;

fail_free:
    pp_free(r);
    return status;
}

static void drop(struct registration *r)
{
    pp_list_remove(&r->link);
    ex_free_kernel(r->handle);
    pp_free(r);
}

NT_EXPORT VOID NTAPI ObUnRegisterCallbacks(PVOID handle)
{
    struct vf_case c = {.rule = VF_VER_OBJECT_COUNT,
                        .p = {0, KE_ARG(handle), UINT64_MAX},
                        .access = VF_NO_ACCESS,
                        .detail =
                            "ObUnRegisterCallbacks was given no (or no longer a) registration"};
    struct pp_list *it;

    if (g.is_ready)
        PP_LIST_EACH(it, &g.all)
    if (PP_CONTAINER(it, struct registration, link)->handle == handle) {
        drop(PP_CONTAINER(it, struct registration, link));
        return;
    }
    (void)vf_report(&c);
}

ACCESS_MASK ob_callbacks_pre(void *object, ACCESS_MASK access, bool is_kernel, bool is_duplicate)
{
    struct ob_type *type = ob_type_of(object);
    ULONG operation = is_duplicate ? OP_DUPLICATE : OP_CREATE;
    struct ob_pre_information *info;
    struct pp_list *it, *tmp;

    if (!g.is_ready || g.is_running || pp_list_is_empty(&g.all) || ke_irql() > APC_LEVEL)
        return access;
    g.is_running = true;
    info = ex_alloc_kernel(sizeof *info, "ObPr", false);
    info->params.OriginalDesiredAccess = access;
    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        for (unsigned i = 0; i < r->count; i++) {
            if (r->op[i].type != type || !(r->op[i].operations & operation) || !r->op[i].pre)
                continue;
            info->Operation = operation;
            info->Flags = is_kernel;
            info->Object = object;
            info->ObjectType = ob_type_object(type);
            info->CallContext = NULL;
            info->Parameters = &info->params;
            info->params.DesiredAccess = access;
            (void)ke_call(r->op[i].pre, r->context, KE_ARG(info));
            r->op[i].call_context = info->CallContext;
            if (!is_kernel) /* Doc: access to kernel handles cannot be changed, and none be added */
                access &= info->params.DesiredAccess;
        }
    }
    ex_free_kernel(info);
    g.is_running = false;
    return access;
}

void ob_callbacks_post(void *object, ACCESS_MASK access, bool is_kernel, bool is_duplicate,
                       NTSTATUS status)
{
    struct ob_type *type = ob_type_of(object);
    ULONG operation = is_duplicate ? OP_DUPLICATE : OP_CREATE;
    struct ob_post_information *info;
    struct pp_list *it, *prev;

    if (!g.is_ready || g.is_running || pp_list_is_empty(&g.all) || ke_irql() > APC_LEVEL)
        return;
    g.is_running = true;
    info = ex_alloc_kernel(sizeof *info, "ObPo", false);
    for (it = g.all.prev; it != &g.all; it = prev) { /* the lowest first on the way up */
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        prev = it->prev;
        for (unsigned i = 0; i < r->count; i++) {
            if (r->op[i].type != type || !(r->op[i].operations & operation) || !r->op[i].post)
                continue;
            *info = (struct ob_post_information){
                operation, is_kernel,     object,  ob_type_object(type), r->op[i].call_context,
                status,    &info->params, {access}};
            (void)ke_call(r->op[i].post, r->context, KE_ARG(info));
        }
    }
    ex_free_kernel(info);
    g.is_running = false;
}

unsigned ob_check_unload(struct ke_image *image)
{
    struct pp_list *it, *tmp;
    unsigned left = 0;

    if (!g.is_ready)
        return 0;
    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct registration *r = PP_CONTAINER(it, struct registration, link);
        struct vf_case c = {.rule = VF_UNLOAD_CALLBACK,
                            .p = {r->op[0].pre ? r->op[0].pre : r->op[0].post},
                            .access = VF_NO_ACCESS,
                            .object = "ObRegisterCallbacks"};

        if (r->owner != image->owner)
            continue;
        (void)vf_report(&c);
        drop(r);
        left++;
    }
    return left;
}
