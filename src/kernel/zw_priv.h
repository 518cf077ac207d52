/* System services, registry, security, processes, files, cache. Owner of: zw_*.c cm_*.c se_*.c
 * ps_process.c cc_*.c fsrtl_*.c. */
#ifndef POOLPROOF_ZW_PRIV_H
#define POOLPROOF_ZW_PRIV_H

/* Order in ke_init: ob_init, ke's own, then se_init, ps_init, cm_init, zw_init (file system). */
int cm_init(void);
int ps_init(void);
int se_init(void);
int zw_init(void);
/* Create the service key \Registry\Machine\System\CurrentControlSet\Services\<service>; path is
 * kept. */
NTSTATUS cm_service_key(const char *service, const char *image_path);

/* ---- Registry (cm_*.c) ---- */
/* ZwOpenKey; options as ZwOpenKeyEx has them. */
NTSTATUS cm_open(const OBJECT_ATTRIBUTES *attr, ACCESS_MASK access, ULONG options, HANDLE *ret);
/* Values of a regedit file (version 5 or REGEDIT4, UTF-8 or UTF-16LE) put into the tree.
 * Returns 0 or -EINVAL (`why`: line and reason; what came before it stays). */
int cm_load_reg(const char *text, size_t size, char why[PP_WHY_SIZE]);
/* A REG_DWORD below \Registry; false: it is not there, or no REG_DWORD. */
bool cm_dword(const char *path, const char *name, uint32_t *ret);
bool cm_key_name(const void *key, WCHAR *buf, size_t chars); /* full name, NUL-terminated */
unsigned cm_check_unload(struct ke_image *image);

/* ---- System services ---- */
/* May this mode pass the range? User mode must stay below the system range. */
bool zw_probe(KPROCESSOR_MODE mode, const void *p, size_t size);
/* A NUL-terminated copy of text at `to`, described by *ret. Returns the end of the copy. */
uint8_t *zw_put_string(UNICODE_STRING *ret, uint8_t *to, const WCHAR *text);

/* Paging I/O on a file, through its device stack; waits. A read past the end gives zeroes. `buffer`
 * is any memory. *ret_done may be NULL. */
struct zw_paging {
    FILE_OBJECT *file;
    bool write;
    uint64_t offset;
    void *buffer;
    size_t size;
};
NTSTATUS zw_paging_io(const struct zw_paging *p, size_t *ret_done);
NTSTATUS zw_query_file(FILE_OBJECT *file, ULONG info_class, void *buffer, size_t size);
/* A request on an open file as the Nt...File services make it (struct io_rw is described in
 * io_priv.h). */
NTSTATUS zw_request(struct io_rw *rw);
void zw_sync_init(void);
int zw_memory_init(void);
/* Does the name match the expression (* ? < > ")? */
bool fsrtl_match(const WCHAR *expression, size_t expression_chars, const WCHAR *name,
                 size_t name_chars, bool ignore_case);

/* ---- Names ---- */
/* An object's full name: files have their device's name in front, keys their path. */
bool zw_full_name(const void *object, WCHAR *buf, size_t chars);

/* ---- Processes (ps_process.c) ---- */
/* A driver calls a system service: its level, and what it is given (zw_check.c). False: nothing was
 * checked, the verifier is off. */
bool zw_check(const struct ke_gate_record *r);

extern EPROCESS *ps_system, *ps_user; /* pid 4, and the program that sends the requests */
enum { PS_SYSTEM_PID = 4, PS_USER_PID = 1000 };
/* The process whose address space the current thread is in: attached, its own, or System. Never
 * NULL after ps_init. */
EPROCESS *ps_current(void);
/* Charge pool to a process: STATUS_QUOTA_EXCEEDED past its limit. Returning more than was charged is reported. */
NTSTATUS ps_quota_charge(EPROCESS *process, bool paged, uint64_t amount);
void ps_quota_return(EPROCESS *process, bool paged, uint64_t amount);
/* Put the current thread into a process's address space; returns the one before (attach to it
 * again). */
EPROCESS *ps_attach(EPROCESS *process);
/* Mode of the current thread's caller: UserMode for requests of the simulated program. */
KPROCESSOR_MODE ps_previous_mode(void);
EPROCESS *ps_by_id(HANDLE id);   /* no reference; NULL: none */
EPROCESS *ps_at(unsigned index); /* slots, some of them NULL; 64 in all */
enum { PS_SLOTS = 64 };
const WCHAR *ps_image_path(const EPROCESS *process);
const WCHAR *ps_command_line(const EPROCESS *process);
bool ps_has_exited(const EPROCESS *process);
/* A new process without threads; the caller holds its only reference. NULL: too many. */
EPROCESS *ps_new(uint64_t id, const WCHAR *path, EPROCESS *parent);
void ps_exit(EPROCESS *process, NTSTATUS status); /* drops the creator's reference */

/* Notify routines (ps_notify.c). Calls run driver code: in a thread at PASSIVE_LEVEL. */
bool ps_has_notify(void);
NTSTATUS ps_notify_create(EPROCESS *process); /* an error: a routine refused the process */
void ps_notify_exit(EPROCESS *process);
/* An image was mapped: pid 0 for drivers. The image loader calls it. */
void ps_notify_image(const WCHAR *path, uint64_t pid, uint64_t base, uint64_t size);
/* Start and end a small program, so that notify routines run. For the default drive, in a request
 * thread. */
NTSTATUS ps_exercise(void);
/* Routines the image left registered: reported (VF_UNLOAD_CALLBACK) and forgotten. Returns how
 * many. */
unsigned ps_check_unload(struct ke_image *image);

/* ---- Security (se_*.c) ---- */
uint64_t se_token_for(bool is_system); /* address of the token's body, for EPROCESS.Token */
NTSTATUS se_impersonate_handle(ETHREAD *thread, HANDLE token); /* NULL: back to the process's */

#endif
