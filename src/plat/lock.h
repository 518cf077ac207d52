/*
 * A lock between host threads: sleeps in the kernel (futex) when it has to wait, never spins. A
 * thin cover over the C library's mutex, which race detectors know. Not recursive; never taken in a
 * signal handler.
 */
#ifndef POOLPROOF_PLAT_LOCK_H
#define POOLPROOF_PLAT_LOCK_H

#include "base/base.h"

struct os_lock {
    uint64_t mutex[5]; /* pthread_mutex_t, whose header need not be everywhere */
};

void os_lock_init(struct os_lock *l);
void os_lock_done(struct os_lock *l);
void os_lock_take(struct os_lock *l);
void os_lock_give(struct os_lock *l);

#endif
