/* Memory: MDLs, mappings, physical and user memory, I/O space, ports. Owner of: mm_*.c, ex_pool.c,
 * ex_lookaside.c, hal_*.c. What only these files share is in mm_phys.h. */
#ifndef POOLPROOF_MM_PRIV_H
#define POOLPROOF_MM_PRIV_H

/* Simulated physical memory, user arena, exported variables. 0 or -Exxx. */
int mm_init(void);
/* In the child right after fork(): simulated memory is shared with the parent until this gives the child
 * its own copy. 0 or -Exxx. */
int mm_after_fork(void);
/* Mappings and contiguous memory the image leaves behind: one note each. Returns how many. */
unsigned mm_check_unload(struct ke_image *image);

/* ---- Lookaside lists (ex_lookaside.c) ---- */

/* A block goes away: lists in it that are still in use are reported and forgotten. */
void ex_lookaside_check_free(uint64_t start, uint64_t size);
/* The same for an image that unloads. Returns how many. */
unsigned ex_lookaside_check_unload(const struct ke_image *image);

/* ---- Secure pool (ex_secure.c) ---- */

/* NULL: parameters that do not hold, or out of memory. */
void *ex_secure_alloc(const POOL_EXTENDED_PARAMS_SECURE_POOL *params, size_t size, uint32_t tag);
/* NULL when it was freed; else why not. */
const char *ex_secure_free(void *p, uint32_t tag, const POOL_EXTENDED_PARAMS_SECURE_POOL *params);

/* ---- User memory ---- */

/* A user buffer of the simulated process, zeroed, 8-byte aligned, its end (rounded up to 8) against a
 * guard; freed buffers fault. NULL: the arena (1.5 GB) is full. */
void *mm_user_alloc(size_t size);
void mm_user_free(void *p); /* NULL does nothing */
bool mm_is_user(uint64_t addr, size_t size); /* wholly below MmUserProbeAddress */

/* ---- Questions ---- */

bool mm_is_valid(uint64_t addr); /* readable now without a fault */
/* Every page of the range readable, and writable when `write`. */
bool mm_is_accessible(uint64_t addr, size_t size, bool write);
/* Percent of the pages that MmAllocatePagesForMdl gives out that are free. */
unsigned mm_pages_left(void);
/* Secure pool (mm_cont.c): zeroed pages that drivers may only read. NULL, false: out of memory. */
void *mm_secure_new(size_t size);
bool mm_secure_write(void *base, size_t offset, const void *from, size_t size);
void mm_secure_free(void *base);
bool mm_is_secure(uint64_t va);
/* Does a locked MDL describe the page? Paged memory that is locked may be touched at any IRQL. PP_ASYNC. */
bool mm_is_locked(uint64_t addr);

/* ---- Memory routines ---- */

/* Copy (overlap allowed) with the bounds of pool blocks checked: a violation is reported and only what
 * fits is copied. Faults are attributed by the trap handler. */
void mm_copy(void *dst, const void *src, size_t size);
void mm_fill(void *dst, int byte, size_t size);
/* Check [p, p + size) against the block that holds p; reports an overrun by a memory routine. Returns how
 * many bytes fit. */
size_t mm_check_range(const void *p, size_t size, bool is_write);

/* ---- MDLs for native callers ---- */

/* MmProbeAndLockPages without the exception. */
NTSTATUS mm_mdl_lock(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation);

/* ---- Physical memory ---- */

/* Physical address of a valid virtual one (0 otherwise), and back (0: none known). Deterministic. */
uint64_t mm_phys(uint64_t va);
uint64_t mm_virt(uint64_t pa);
/* Map simulated physical memory, RAM or device; returns the address for `pa` itself (0: out of address
 * space). The page behind the last one faults. `user`: an address in user space. */
uint64_t mm_phys_map(uint64_t pa, size_t size, bool write, bool user);
/* False: not a mapping of mm_phys_map, or another size (0 matches any). */
bool mm_phys_unmap(uint64_t va, size_t size);

/* ---- Ports and model-specific registers: called by emulate.c ---- */

/* `size` 1, 2 or 4. Unknown ports read all ones; writes to them vanish. */
uint32_t hal_port_read(uint16_t port, unsigned size);
void hal_port_write(uint16_t port, uint32_t value, unsigned size);
bool hal_msr_read(uint32_t msr, uint64_t *ret); /* false: unknown, #GP */
bool hal_msr_write(uint32_t msr, uint64_t value);

#endif
