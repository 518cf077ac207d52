/* Memory: MDLs, mappings, physical and user memory, I/O space, ports. Owner of: mm_*.c, ex_pool.c, hal_*.c. */
#ifndef POOLPROOF_MM_PRIV_H
#define POOLPROOF_MM_PRIV_H

/* A user buffer of the simulated process, flush against a guard; freed buffers fault. */
void *mm_user_alloc(size_t size);
void mm_user_free(void *p);
bool mm_is_user(uint64_t addr, size_t size);   /* wholly below KE_USER_HIGH */
bool mm_is_valid(uint64_t addr);               /* readable now without a fault */
/* Copy with the bounds of pool blocks checked and faults attributed; used by every memory routine. */
void mm_copy(void *dst, const void *src, size_t size);
void mm_fill(void *dst, int byte, size_t size);
/* Check [p, p + size) against the block that holds p; reports an overrun by a memory routine. */
void mm_check_range(const void *p, size_t size, bool is_write);
/* Port and register defaults: reads give all ones, writes are counted. Called by emulate.c. */
uint32_t hal_port_read(uint16_t port, unsigned size);
void hal_port_write(uint16_t port, uint32_t value, unsigned size);
bool hal_msr_read(uint32_t msr, uint64_t *ret); /* false: unknown, #GP */
bool hal_msr_write(uint32_t msr, uint64_t value);

#endif
