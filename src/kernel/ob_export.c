/*
 * The object manager's exports.
 *
 * A driver's pointer is checked against the table of objects before it is believed; a handle
 * against the table of the process. What Driver Verifier says about bad handles is said here
 * (0xC4/3C, F5, F6, F7).
 *
 * Doc: WDK, wdm.h and ntifs.h, the Ob routines; "Driver Verifier, object reference checks".
 */
#include "kernel/kernel_priv.h"

#include <string.h>

/* ---- References ---- */

NT_EXPORT LONG_PTR NTAPI ObfReferenceObject(PVOID object)
{
    ob_header_check(object);
    ob_ref(object);
    return ob_ref_count(object);
}

NT_EXPORT LONG_PTR NTAPI ObfReferenceObjectWithTag(PVOID object, ULONG tag)
{
    (void)tag; /* reference tracing is a debugger's feature */
    return ObfReferenceObject(object);
}

NT_EXPORT LONG_PTR NTAPI ObfDereferenceObject(PVOID object)
{
    int64_t left;

    ob_header_check(object);
    left = ob_ref_count(object) - 1;

    ob_unref(object);
    return left;
}

NT_EXPORT LONG_PTR NTAPI ObfDereferenceObjectWithTag(PVOID object, ULONG tag)
{
    (void)tag;
    return ObfDereferenceObject(object);
}

/* Puts the last dereference off to a worker thread. */
NT_EXPORT VOID NTAPI ObDereferenceObjectDeferDelete(PVOID object)
{
    if (ob_ref_count(object) == 1)
        ke_work(ob_unref, object);
    else
        ob_unref(object);
}

NT_EXPORT VOID NTAPI ObDereferenceObjectDeferDeleteWithTag(PVOID object, ULONG tag)
{
    (void)tag;
    ObDereferenceObjectDeferDelete(object);
}

NT_EXPORT NTSTATUS NTAPI ObReferenceObjectByPointer(PVOID object, ACCESS_MASK access,
                                                    POBJECT_TYPE type, KPROCESSOR_MODE mode)
{
    struct ob_type *is = ob_type_of(object);

    (void)access;
    /* Doc: the type may be left out for kernel mode only, except for symbolic links. */
    if (is && (type ? ob_type_object(is) != type : mode != KernelMode))
        return STATUS_OBJECT_TYPE_MISMATCH;
    ob_ref(object); /* reports what is no object */
    return is ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NT_EXPORT NTSTATUS NTAPI ObReferenceObjectByPointerWithTag(PVOID object, ACCESS_MASK access,
                                                           POBJECT_TYPE type, KPROCESSOR_MODE mode,
                                                           ULONG tag)
{
    (void)tag;
    return ObReferenceObjectByPointer(object, access, type, mode);
}

/* 1 when referenced, 0 when the last reference is already gone. */
NT_EXPORT BOOLEAN NTAPI ObReferenceObjectSafe(PVOID object)
{
    if (ob_ref_count(object) <= 0)
        return FALSE;
    ob_ref(object);
    return TRUE;
}

NT_EXPORT POBJECT_TYPE NTAPI ObGetObjectType(PVOID object)
{
    struct ob_type *type = ob_type_of(object);

    return type ? ob_type_object(type) : NULL;
}

NT_EXPORT USHORT NTAPI ObGetFilterVersion(void)
{
    return 0x100;
}

/* ---- By handle ---- */

static void report_handle(enum vf_rule rule, HANDLE h, POBJECT_TYPE type, uint64_t last)
{
    struct vf_case c = {
        .rule = rule,
        .p = {0, KE_ARG(h), KE_ARG(type), last},
        .access = VF_NO_ACCESS,
    };

    (void)vf_report(&c);
}

/* What the verifier says about a handle that does not lead to an object. */
static void judge_bad_handle(HANDLE h, POBJECT_TYPE type, KPROCESSOR_MODE mode)
{
    bool is_kernel = (KE_ARG(h) >> 31) == 0x1FFFFFFFF;

    if (mode != KernelMode) {
        /* A program may pass anything; a driver that says UserMode for its own kernel handle is
         * wrong. */
        if (is_kernel && ps_current() == ps_system && KE_ARG(h) < UINT64_MAX - 8)
            report_handle(VF_VER_HANDLE_MODE, h, type, (uint64_t)mode);
        return;
    }
    report_handle(h ? VF_VER_HANDLE_BAD : VF_VER_HANDLE_NULL, h, type, 0);
}

/* A handle of a program, referenced as the kernel's own: the program can close or replace it
 * meanwhile. */
static void check_user_handle(HANDLE h, KPROCESSOR_MODE mode)
{
    struct vf_case c = {.rule = VF_VER_HANDLE_USER,
                        .p = {0, KE_ARG(h), KE_ARG(ps_current()), ke_caller()},
                        .access = VF_NO_ACCESS};
    const struct ke_image *im = ke_image_current();

    if (mode == KernelMode && h && !(KE_ARG(h) >> 31) && ps_current() != ps_system && im &&
        im->is_verified)
        (void)vf_report(&c);
}

NT_EXPORT NTSTATUS NTAPI ObReferenceObjectByHandle(HANDLE h, ACCESS_MASK access, POBJECT_TYPE type,
                                                   KPROCESSOR_MODE mode, PVOID *ret,
                                                   POBJECT_HANDLE_INFORMATION ret_info)
{
    struct ob_handle_info info;
    void *object;
    NTSTATUS status;

    *ret = NULL;
    check_user_handle(h, mode);
    status = ob_handle_ref_mode(h, mode, &object, &info);
    if (status) {
        judge_bad_handle(h, type, mode);
        return status;
    }
    if (type && ob_type_object(ob_type_of(object)) != type)
        status = STATUS_OBJECT_TYPE_MISMATCH;
    else if (mode != KernelMode && access & ~info.access)
        status = STATUS_ACCESS_DENIED;
    if (status) {
        ob_unref(object);
        return status;
    }
    if (ret_info) {
        ret_info->HandleAttributes = info.attributes;
        ret_info->GrantedAccess = info.access;
    }
    *ret = object;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ObReferenceObjectByHandleWithTag(HANDLE h, ACCESS_MASK access,
                                                          POBJECT_TYPE type, KPROCESSOR_MODE mode,
                                                          ULONG tag, PVOID *ret,
                                                          POBJECT_HANDLE_INFORMATION ret_info)
{
    (void)tag;
    return ObReferenceObjectByHandle(h, access, type, mode, ret, ret_info);
}

NT_EXPORT NTSTATUS NTAPI ObCloseHandle(HANDLE h, KPROCESSOR_MODE mode)
{
    return ob_handle_close_mode(h, mode);
}

NT_EXPORT NTSTATUS NTAPI ObOpenObjectByPointer(PVOID object, ULONG attributes,
                                               PACCESS_STATE access_state, ACCESS_MASK access,
                                               POBJECT_TYPE type, KPROCESSOR_MODE mode, PHANDLE ret)
{
    struct ob_type *is = ob_type_of(object);
    HANDLE h;
    NTSTATUS status;

    if (access_state)
        access = access_state->OriginalDesiredAccess;
    *ret = NULL;
    if (!is) {
        ob_ref(object); /* reports */
        return STATUS_INVALID_PARAMETER;
    }
    if (type ? ob_type_object(is) != type : mode != KernelMode)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (mode != KernelMode)
        attributes &= ~OBJ_KERNEL_HANDLE;
    status = ob_handle_new(object, access, attributes, &h);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ObOpenObjectByPointerWithTag(PVOID object, ULONG attributes,
                                                      PACCESS_STATE access_state,
                                                      ACCESS_MASK access, POBJECT_TYPE type,
                                                      KPROCESSOR_MODE mode, ULONG tag, PHANDLE ret)
{
    (void)tag;
    return ObOpenObjectByPointer(object, attributes, access_state, access, type, mode, ret);
}

/* Is there a handle to the object in the process? Doc: ntifs.h (no page); classic debugging aid. */
struct find_handle {
    const EPROCESS *process;
    const void *object;
    const struct ob_type *type;
    const OBJECT_HANDLE_INFORMATION *info;
    HANDLE found;
};

static bool find_handle(void *ctx, const EPROCESS *process, HANDLE h, void *object,
                        const struct ob_handle_info *info)
{
    struct find_handle *f = ctx;

    if (process != f->process || (f->object && f->object != object) ||
        (f->type && ob_type_of(object) != f->type) ||
        (f->info && f->info->GrantedAccess != info->access))
        return true;
    f->found = h;
    return false;
}

NT_EXPORT BOOLEAN NTAPI ObFindHandleForObject(PEPROCESS process, PVOID object, POBJECT_TYPE type,
                                              POBJECT_HANDLE_INFORMATION match, PHANDLE ret)
{
    struct find_handle f = {process, object, ob_type_from_object(type), match, NULL};

    ob_each_handle(find_handle, &f);
    if (!f.found)
        return FALSE;
    *ret = f.found;
    return TRUE;
}

NT_EXPORT NTSTATUS NTAPI ObSetHandleAttributes(HANDLE h, PUCHAR flags /* inherit, protect */,
                                               KPROCESSOR_MODE mode)
{
    ULONG attributes = (flags[0] ? OBJ_INHERIT : 0) | (flags[1] ? OB_HANDLE_PROTECTED : 0);
    void *object;
    NTSTATUS status = ob_handle_ref_mode(h, mode, &object, NULL);

    if (status)
        return status;
    ob_unref(object);
    return ob_handle_set(h, attributes);
}

NT_EXPORT NTSTATUS NTAPI ObQueryObjectAuditingByHandle(HANDLE h, PBOOLEAN ret)
{
    void *object;
    NTSTATUS status = ob_handle_ref(h, NULL, &object);

    if (status)
        return status;
    ob_unref(object);
    *ret = FALSE; /* nothing is audited here */
    return STATUS_SUCCESS;
}

/* ---- By name ---- */

NT_EXPORT NTSTATUS NTAPI ObReferenceObjectByName(PUNICODE_STRING name, ULONG attributes,
                                                 PACCESS_STATE access_state, ACCESS_MASK access,
                                                 POBJECT_TYPE type, KPROCESSOR_MODE mode,
                                                 PVOID parse_context, PVOID *ret)
{
    struct ob_where w = {.name = name, .open_link = attributes & OBJ_OPENLINK};
    void *object;
    NTSTATUS status;

    (void)access_state;
    (void)access;
    (void)mode;
    (void)parse_context;
    *ret = NULL;
    if (!name || !name->Length)
        return STATUS_OBJECT_NAME_INVALID;
    w.open_link |= type && ob_type_object(ob_type_symlink) == type;
    status = ob_lookup_at(&w, &object, NULL);
    if (status)
        return status;
    if (type && ob_type_object(ob_type_of(object)) != type) {
        ob_unref(object);
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    *ret = object;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ObOpenObjectByName(POBJECT_ATTRIBUTES attr, POBJECT_TYPE type,
                                            KPROCESSOR_MODE mode, PACCESS_STATE access_state,
                                            ACCESS_MASK access, PVOID parse_context, PHANDLE ret)
{
    struct ob_type *want = type ? ob_type_from_object(type) : NULL;

    (void)mode;
    (void)parse_context;
    *ret = NULL;
    if (!attr || (type && !want))
        return STATUS_INVALID_PARAMETER;
    if (access_state)
        access = access_state->OriginalDesiredAccess;
    if (want == ob_type_key)
        return cm_open(attr, access, 0, ret);
    return ob_open_named(attr, want, access, ret);
}

/* Name of an object, file names after their device's. Doc: ntifs.h, ObQueryNameString. */
NT_EXPORT NTSTATUS NTAPI ObQueryNameString(PVOID object, POBJECT_NAME_INFORMATION info,
                                           ULONG length, PULONG ret_length)
{
    WCHAR *text = pp_new(UNICODE_STRING_MAX_BYTES + 2u);
    size_t chars = UNICODE_STRING_MAX_BYTES / 2, used;
    ULONG need;
    NTSTATUS status = STATUS_SUCCESS;

    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!ob_type_of(object)) {
        pp_free(text);
        ob_ref(object); /* reports */
        return STATUS_INVALID_PARAMETER;
    }
    used = zw_full_name(object, text, chars) ? rtl_wcslen(text) : 0;
    need = (ULONG)(sizeof *info + (used ? (used + 1) * sizeof *text : 0));
    if (length < need) {
        status = STATUS_INFO_LENGTH_MISMATCH;
    } else {
        memset(&info->Name, 0, sizeof info->Name);
        if (used) {
            info->Name =
                (UNICODE_STRING){(USHORT)(used * 2), (USHORT)(used * 2 + 2), (PWSTR)(info + 1)};
            memcpy(info + 1, text, (used + 1) * sizeof *text);
        }
    }
    pp_free(text);
    *ret_length = need;
    return status;
}

/* ---- Objects of a driver's own ---- */

/* As undocumented users call it: type, body size; the object has one reference and no name. */
struct create_object {
    KPROCESSOR_MODE probe_mode;
    POBJECT_TYPE type;
    POBJECT_ATTRIBUTES attr;
    KPROCESSOR_MODE owner_mode;
    PVOID parse_context;
    ULONG body_size, paged_charge, nonpaged_charge;
    PVOID *ret;
};

static struct {
    struct { /* names given to ObCreateObject, wanted by ObInsertObject */
        void *object;
        WCHAR *text;
        USHORT bytes;
        void *root;
        ULONG attributes;
    } pending[32];
} g;

static NTSTATUS create_object(const struct create_object *r)
{
    struct ob_type *type = ob_type_from_object(r->type);
    struct ob_where w = {0};
    void *object;
    NTSTATUS status;

    if (!type)
        return STATUS_INVALID_PARAMETER;
    if (r->attr) {
        status = ob_where_init(&w, r->attr);
        if (status)
            return status;
    }
    object = ob_new(type, r->body_size, "ObCr");
    for (size_t i = 0; r->attr && i < PP_COUNT(g.pending); i++) {
        if (g.pending[i].object)
            continue;
        g.pending[i].object = object;
        g.pending[i].attributes = r->attr->Attributes;
        g.pending[i].root = w.root;
        if (w.root)
            ob_ref(w.root);
        if (w.name && w.name->Length && (g.pending[i].text = pp_new(w.name->Length))) {
            memcpy(g.pending[i].text, w.name->Buffer, w.name->Length);
            g.pending[i].bytes = w.name->Length;
        }
        break;
    }
    ob_where_done(&w);
    *r->ret = object;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ObCreateObject(KPROCESSOR_MODE probe_mode, POBJECT_TYPE type,
                                        POBJECT_ATTRIBUTES attr, KPROCESSOR_MODE owner_mode,
                                        PVOID parse_context, ULONG body_size, ULONG paged_charge,
                                        ULONG nonpaged_charge, PVOID *ret)
{
    return create_object(&(struct create_object){probe_mode, type, attr, owner_mode, parse_context,
                                                 body_size, paged_charge, nonpaged_charge, ret});
}

/* Names the object as ObCreateObject was told, opens a handle when asked for. The creator's
 * reference goes. */
NT_EXPORT NTSTATUS NTAPI ObInsertObject(PVOID object, PACCESS_STATE access_state,
                                        ACCESS_MASK access, ULONG extra_references,
                                        PVOID *ret_object, PHANDLE ret)
{
    struct ob_where w = {0};
    UNICODE_STRING name = {0};
    ULONG attributes = 0;
    HANDLE h = NULL;
    NTSTATUS status = STATUS_SUCCESS;
    size_t i;

    if (!ob_type_of(object))
        return STATUS_INVALID_PARAMETER;
    if (access_state)
        access = access_state->OriginalDesiredAccess;
    for (i = 0; i < PP_COUNT(g.pending) && g.pending[i].object != object; i++)
        continue;
    if (i < PP_COUNT(g.pending)) {
        attributes = g.pending[i].attributes;
        w.root = g.pending[i].root;
        name = (UNICODE_STRING){g.pending[i].bytes, g.pending[i].bytes, g.pending[i].text};
        w.name = &name;
        if (name.Length)
            status = ob_insert_at(&w, object);
        pp_free(g.pending[i].text);
        ob_where_done(&w);
        memset(&g.pending[i], 0, sizeof g.pending[i]);
    }
    if (!status && attributes & OBJ_PERMANENT)
        ob_set_permanent(object, true);
    if (!status && ret)
        status = ob_handle_new(object, access, attributes, &h);
    if (!status) {
        while (extra_references--)
            ob_ref(object);
        if (ret)
            *ret = h;
        if (ret_object)
            *ret_object = object;
    }
    ob_unref(object);
    return status;
}

/* ---- Temporary and permanent ---- */

NT_EXPORT VOID NTAPI ObMakeTemporaryObject(PVOID object)
{
    ob_set_permanent(object, false);
    if (ob_type_of(object) && !ob_handle_count(object))
        ob_remove_name(object);
}
