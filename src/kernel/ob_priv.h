/* Object manager: headers, types, references, the name space, handles. Owner of: ob_*.c. */
#ifndef POOLPROOF_OB_PRIV_H
#define POOLPROOF_OB_PRIV_H

struct ob_type; /* native side of an OBJECT_TYPE */
/* Types in use; the exported variables (IoDeviceObjectType...) point to their driver-visible
 * objects. */
extern struct ob_type *ob_type_device, *ob_type_driver, *ob_type_file, *ob_type_event,
    *ob_type_thread, *ob_type_process, *ob_type_key, *ob_type_section, *ob_type_symlink,
    *ob_type_directory, *ob_type_semaphore, *ob_type_mutant, *ob_type_timer, *ob_type_callback,
    *ob_type_token, *ob_type_adapter, *ob_type_controller, *ob_type_job;

/* Types and the standard directories; fills the type variables of KE_DATA. First of all in ke_init,
 * after ex_alloc_kernel works. Returns 0 or -ENOMEM. */
int ob_init(void);

/* Body of `size` bytes in guarded kernel memory (its end against a guard), reference count 1.
 * Zeroed. */
void *ob_new(struct ob_type *type, size_t size, const char tag[4]);
void ob_ref(void *object);
void ob_unref(void *object); /* at 0: runs the type's delete routine, frees */
bool ob_is(const void *object, struct ob_type *type);
struct ob_type *ob_type_of(const void *object);               /* NULL: not an object of ours */
POBJECT_TYPE ob_type_object(const struct ob_type *type);      /* the driver-visible side */
struct ob_type *ob_type_from_object(const void *type_object); /* NULL: no such type */
/* Type's name, e.g. "Device", NUL-terminated. */
const WCHAR *ob_type_name(const struct ob_type *type);
void ob_type_on_delete(struct ob_type *type, void (*fn)(void *object));
/* The delete routine sends requests: above PASSIVE_LEVEL it is put off to a worker. */
void ob_type_delete_at_passive(struct ob_type *type);
/* fn runs when a handle is closed, before its reference goes; handles_left counts the others. */
void ob_type_on_close(struct ob_type *type, void (*fn)(void *object, int64_t handles_left));
UCHAR ob_type_index(const void *object); /* as queries of handles tell it; 0: not an object */
int64_t ob_ref_count(const void *object);
int64_t ob_handle_count(const void *object);
bool ob_is_permanent(const void *object);
void ob_set_permanent(void *object, bool is_permanent);
/* Pool owner of the driver that was calling when the object was made; 0: the kernel. */
uint32_t ob_owner_of(const void *object);
/* A self-relative security descriptor kept with the object (copied); size 0: none. */
/* 0x189: a driver has overwritten the header that it sees. The truth is elsewhere; the header is put right. */
void ob_header_check(void *object);
void ob_security_set(void *object, const void *sd, size_t size);
const void *ob_security_of(const void *object, size_t *ret_size);

/* Names are absolute: \Device\Foo. Case-insensitive. Insert keeps one reference. */
NTSTATUS ob_insert(const UNICODE_STRING *name, void *object);
void ob_remove_name(void *object);
/* Follows symbolic links (\??\X, \DosDevices\X, \GLOBAL??\X alike). *rest gets what is left after
 * the name of a device or of the registry (may be NULL: something left is then an error); it stays
 * readable until the eighth look-up from now. References the object. */
NTSTATUS ob_lookup(const UNICODE_STRING *name, void **ret, UNICODE_STRING *rest);
NTSTATUS ob_symlink_new(const UNICODE_STRING *name, const UNICODE_STRING *target);
NTSTATUS ob_symlink_delete(const UNICODE_STRING *name);
bool ob_name_of(const void *object, WCHAR *buf, size_t chars); /* full name, NUL-terminated */
/* Each name in a directory, e.g. u"\\Device". fn returns false to stop. */
void ob_each_name(const WCHAR *directory, bool (*fn)(void *ctx, const WCHAR *name, void *object),
                  void *ctx);

/* Look-up and insertion with everything OBJECT_ATTRIBUTES can say. */
struct ob_where {
    void *root;                 /* directory or key object the name starts at; NULL: absolute */
    const UNICODE_STRING *name; /* NULL or empty: the root itself, or no name at all */
    bool open_link;             /* a symbolic link at the end is itself what is meant */
};
/* Reads OBJECT_ATTRIBUTES. References ret->root: end with ob_where_done. */
NTSTATUS ob_where_init(struct ob_where *ret, const OBJECT_ATTRIBUTES *attr);
void ob_where_done(struct ob_where *w);
NTSTATUS ob_lookup_at(const struct ob_where *w, void **ret, UNICODE_STRING *rest);
NTSTATUS ob_insert_at(const struct ob_where *w, void *object);
/* Name of a symbolic link's target. */
NTSTATUS ob_symlink_target(const void *link,
                           UNICODE_STRING *ret);       /* ret->Buffer: the object manager's */
void *ob_symlink_object(const UNICODE_STRING *target); /* without a name yet; reference count 1 */
void *ob_directory_new(void);
/* Entry number `index` of a directory; NULL past the end. No reference taken. */
void *ob_directory_entry(const void *directory, size_t index, const WCHAR **ret_name);

/* Handles: kernel ones have bit 31..63 set (0xFFFFFFFF8000xxxx), process ones are multiples of 4.
 */
NTSTATUS ob_handle_new(void *object, ACCESS_MASK access, ULONG attributes, HANDLE *ret);
NTSTATUS ob_handle_close(HANDLE h);
/* References. type NULL = any. */
NTSTATUS ob_handle_ref(HANDLE h, struct ob_type *type, void **ret);

struct ob_handle_info {
    ACCESS_MASK access;
    ULONG attributes; /* OBJ_INHERIT, 1: protected from close */
    bool is_kernel;
};
enum { OB_HANDLE_PROTECTED = 1 };
/* The same with the caller's mode: a kernel handle is invalid for UserMode. */
NTSTATUS ob_handle_ref_mode(HANDLE h, KPROCESSOR_MODE mode, void **ret,
                            struct ob_handle_info *ret_info);
NTSTATUS ob_handle_close_mode(HANDLE h, KPROCESSOR_MODE mode);
NTSTATUS ob_handle_set(HANDLE h, ULONG attributes);
/* One more table, for a new process; freed with all its handles. */
struct ob_table *ob_table_new(EPROCESS *process);
void ob_table_free(struct ob_table *t);
uint32_t ob_table_count(const EPROCESS *process);
/* In another process's table, which it must have. */
NTSTATUS ob_handle_new_in(const EPROCESS *process, void *object, ACCESS_MASK access,
                          ULONG attributes, HANDLE *ret);
/* Each open handle, all tables. fn returns false to stop. */
void ob_each_handle(bool (*fn)(void *ctx, const EPROCESS *process, HANDLE h, void *object,
                               const struct ob_handle_info *info),
                    void *ctx);
/* GENERIC_* bits replaced by what they mean for the type. */
ACCESS_MASK ob_map_access(const struct ob_type *type, ACCESS_MASK access);

/* What ObCreateObject-like callers and system services end with: name it (attr may be NULL), open a
 * handle, drop the creator's reference. */
NTSTATUS ob_finish(void *object, const OBJECT_ATTRIBUTES *attr, ACCESS_MASK access, HANDLE *ret);
/* Open an existing named object of this type by OBJECT_ATTRIBUTES. */
NTSTATUS ob_open_named(const OBJECT_ATTRIBUTES *attr, struct ob_type *type, ACCESS_MASK access,
                       HANDLE *ret);

/* ObRegisterCallbacks left behind by an image: for the unload check. Returns how many were dropped.
 */
unsigned ob_check_unload(struct ke_image *image);

/* ---- Shared by ob_*.c only ---- */

/* OBJECT_HEADER of build 19045. Doc: Windows Internals 7, part 2, "Object headers and bodies". */
struct ob_header {
    LONG64 PointerCount;
    LONG64 HandleCount;
    ULONG_PTR Lock;
    UCHAR TypeIndex; /* index ^ second byte of the header's address ^ a cookie */
    UCHAR TraceFlags;
    UCHAR InfoMask;
    UCHAR Flags; /* 0x10 permanent, 0x20 default security, 2 kernel object */
    ULONG Reserved;
    PVOID ObjectCreateInfo;
    PVOID SecurityDescriptor;
};
_Static_assert(sizeof(struct ob_header) == 0x30, "OBJECT_HEADER");

struct ob_name {
    struct pp_list link; /* ob_entry.children of dir */
    struct ob_entry *dir, *entry;
    USHORT chars;
    WCHAR text[]; /* NUL-terminated */
};

/* Our own record of an object: what a driver can damage is only a mirror of it. */
struct ob_entry {
    struct ob_entry *next; /* hash chain */
    void *object;
    struct ob_type *type;
    int64_t refs, handles;
    size_t size;
    struct ob_name *name;
    struct pp_list children; /* directories: struct ob_name */
    WCHAR *target;           /* symbolic links, NUL-terminated */
    uint8_t *security;
    size_t security_size;
    uint32_t owner;
    bool is_permanent, is_dying;
};
struct ob_entry *ob_entry_of(const void *object); /* NULL: not an object of ours */

struct ob_type {
    const WCHAR *name;
    void *object; /* struct ob_type_body, itself an object */
    void (*on_delete)(void *object);
    void (*on_close)(void *object, int64_t handles_left);
    GENERIC_MAPPING mapping;
    ACCESS_MASK valid;
    UCHAR index;
    bool at_passive;
};
enum { OB_TYPE_MAX = 48 };
struct ob_type *ob_type_at(unsigned index); /* NULL past the end; from 0 */
struct ob_type *ob_type_new(const WCHAR *name, const GENERIC_MAPPING *mapping, ACCESS_MASK valid);
int ob_name_init(void);
int ob_handle_init(void);
/* Handle callbacks of ObRegisterCallbacks: ask them about a new handle. Returns the access left. */
ACCESS_MASK ob_callbacks_pre(void *object, ACCESS_MASK access, bool is_kernel, bool is_duplicate);
void ob_callbacks_post(void *object, ACCESS_MASK access, bool is_kernel, bool is_duplicate,
                       NTSTATUS status);

#endif
