/* Object manager: headers, types, references, the name space, handles. Owner of: ob_*.c. */
#ifndef POOLPROOF_OB_PRIV_H
#define POOLPROOF_OB_PRIV_H

struct ob_type; /* native side of an OBJECT_TYPE */
/* Types in use; the exported variables (IoDeviceObjectType...) point to their driver-visible objects. */
extern struct ob_type *ob_type_device, *ob_type_driver, *ob_type_file, *ob_type_event, *ob_type_thread,
    *ob_type_process, *ob_type_key, *ob_type_section, *ob_type_symlink, *ob_type_directory,
    *ob_type_semaphore, *ob_type_mutant, *ob_type_timer, *ob_type_callback, *ob_type_token,
    *ob_type_adapter, *ob_type_controller;

/* Body of `size` bytes in guarded kernel memory (its end against a guard), reference count 1. */
void *ob_new(struct ob_type *type, size_t size, const char tag[4]);
void ob_ref(void *object);
void ob_unref(void *object); /* at 0: runs the type's delete routine, frees */
bool ob_is(const void *object, struct ob_type *type);
struct ob_type *ob_type_of(const void *object); /* NULL: not an object of ours */
void ob_type_on_delete(struct ob_type *type, void (*fn)(void *object));
int64_t ob_ref_count(const void *object);

/* Names are absolute: \Device\Foo. Case-insensitive. Insert keeps one reference. */
NTSTATUS ob_insert(const UNICODE_STRING *name, void *object);
void ob_remove_name(void *object);
/* Follows symbolic links (\??\X, \DosDevices\X, \GLOBAL??\X alike). *rest gets what is left after a
 * device name (may be NULL). References the object. */
NTSTATUS ob_lookup(const UNICODE_STRING *name, void **ret, UNICODE_STRING *rest);
NTSTATUS ob_symlink_new(const UNICODE_STRING *name, const UNICODE_STRING *target);
NTSTATUS ob_symlink_delete(const UNICODE_STRING *name);
bool ob_name_of(const void *object, WCHAR *buf, size_t chars); /* full name, NUL-terminated */
/* Each name in a directory, e.g. u"\\Device". */
void ob_each_name(const WCHAR *directory, bool (*fn)(void *ctx, const WCHAR *name, void *object), void *ctx);

/* Handles: kernel ones have bit 31..63 set (0xFFFFFFFF8000xxxx), process ones are multiples of 4. */
NTSTATUS ob_handle_new(void *object, ACCESS_MASK access, ULONG attributes, HANDLE *ret);
NTSTATUS ob_handle_close(HANDLE h);
/* References. type NULL = any. */
NTSTATUS ob_handle_ref(HANDLE h, struct ob_type *type, void **ret);

#endif
