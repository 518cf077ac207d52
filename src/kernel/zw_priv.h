/* System services, registry, security, processes, files, cache. Owner of: zw_*.c cm_*.c se_*.c ps_process.c cc_*.c fsrtl_*.c. */
#ifndef POOLPROOF_ZW_PRIV_H
#define POOLPROOF_ZW_PRIV_H

int cm_init(void);
int ps_init(void);
/* Create the service key \Registry\Machine\System\CurrentControlSet\Services\<service>; path is kept. */
NTSTATUS cm_service_key(const char *service, const char *image_path);

#endif
