/* System services, registry, security, processes, files, cache. Owner of: zw_*.c cm_*.c se_*.c ps_process.c cc_*.c fsrtl_*.c. */
#ifndef POOLPROOF_ZW_PRIV_H
#define POOLPROOF_ZW_PRIV_H

/* Order in ke_init: ob_init, ke's own, then se_init, ps_init, cm_init, zw_init (file system). */
int cm_init(void);
int ps_init(void);
int se_init(void);
int zw_init(void);
/* Create the service key \Registry\Machine\System\CurrentControlSet\Services\<service>; path is kept. */
NTSTATUS cm_service_key(const char *service, const char *image_path);

/* ---- Processes (ps_process.c) ---- */
extern EPROCESS *ps_system, *ps_user; /* pid 4, and the program that sends the requests */
enum { PS_SYSTEM_PID = 4, PS_USER_PID = 1000 };
/* The process whose address space the current thread is in: attached, its own, or System. Never NULL
 * after ps_init. */
EPROCESS *ps_current(void);

#endif
