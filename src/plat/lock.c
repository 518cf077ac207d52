/* Locks between host threads. See lock.h. */
#include "plat/plat.h"

#include <pthread.h>

_Static_assert(sizeof(pthread_mutex_t) == sizeof(struct os_lock), "on x86-64");

static pthread_mutex_t *mutex_of(struct os_lock *l)
{
    return (pthread_mutex_t *)(void *)l->mutex;
}

void os_lock_init(struct os_lock *l)
{
    PP_ASSERT(!pthread_mutex_init(mutex_of(l), NULL));
}

void os_lock_done(struct os_lock *l)
{
    PP_ASSERT(!pthread_mutex_destroy(mutex_of(l)));
}

void os_lock_take(struct os_lock *l)
{
    PP_ASSERT(!pthread_mutex_lock(mutex_of(l)));
}

void os_lock_give(struct os_lock *l)
{
    PP_ASSERT(!pthread_mutex_unlock(mutex_of(l)));
}
