/*
 * Address ranges with guards: reserve a range, bring pieces of it into service, open and close
 * pages in it so that a closed page faults and has lost its contents.
 *
 * Three mechanisms, one interface:
 *   madvise      MADV_GUARD_INSTALL (Linux 6.13): a marker in the page table, no VMA split.
 * SIGSEGV. userfaultfd  missing pages raise SIGBUS (UFFD_USER_MODE_ONLY): a guard is a page never
 * populated. mprotect     PROT_NONE: splits VMAs, so about vm.max_map_count / 2 open pieces at
 * most. SIGSEGV.
 *
 * A piece committed with the first two keeps its guards when the whole of it is protected and
 * unprotected by os_range_protect; with mprotect the caller must open each open range again.
 *
 * Addresses and sizes are multiples of the page size. No locks: one thread at a time.
 */
#ifndef POOLPROOF_PLAT_GUARD_H
#define POOLPROOF_PLAT_GUARD_H

#include "base/base.h"

enum os_guard_kind { OS_GUARD_MADVISE, OS_GUARD_USERFAULTFD, OS_GUARD_MPROTECT, OS_GUARD_KINDS };

enum { OS_GUARD_RANGES_MAX = 8 };

struct os_range {
    uint64_t start, end;
};

struct os_guard {
    enum os_guard_kind kind;
    bool can_move;                                 /* userfaultfd: UFFDIO_MOVE (Linux 6.8) */
    int fd;                                        /* userfaultfd, else -1 */
    struct os_range attached[OS_GUARD_RANGES_MAX]; /* to register again after fork */
    unsigned attached_count;
    unsigned open_max;   /* mprotect: so many ranges may be open at once; else 0 */
    unsigned open_count; /* mprotect: ranges open now */
    char notice[160];    /* empty when the mechanism has no limit worth telling */
};

/* Does this kernel have the mechanism? Leaves nothing behind. */
bool os_guard_can(enum os_guard_kind kind);
/* Pick a mechanism: by name when `force` is given, else the first that works in the order above.
 * Returns 0, -EINVAL (unknown name) or -ENOTSUP (not on this kernel). */
int os_guard_probe(const char *force, struct os_guard *ret);
void os_guard_done(struct os_guard *g);
const char *os_guard_name(const struct os_guard *g);
/* One sentence for the report, or NULL. */
const char *os_guard_notice(const struct os_guard *g);
/* Guards survive os_range_protect over the committed piece (not so with mprotect). */
bool os_guard_is_sticky(const struct os_guard *g);

/* Reserve [start, start + size) at exactly this address: inaccessible, costs nothing.
 * Returns 0, -EEXIST (something is there) or -Exxx. */
int os_range_reserve(uint64_t start, uint64_t size);
void os_range_release(uint64_t start, uint64_t size);
/* Readable and writable (and executable with `exec`), or inaccessible with contents kept. */
int os_range_protect(uint64_t start, uint64_t size, bool access, bool exec);
/* Drop the contents: pages that are touched again read as zeros. */
int os_range_drop(uint64_t start, uint64_t size);

/* Make a reserved range one that guards can live in; once per range, before any commit in it. */
int os_guard_attach(struct os_guard *g, uint64_t start, uint64_t size);
/* Bring a piece of an attached range into service: every page of it closed. */
int os_guard_commit(struct os_guard *g, uint64_t start, uint64_t size, bool exec);
/* Open closed pages; each then reads as the page `fill` [4096].
 * Returns 0 or -ENOMEM (also: too many ranges open). Pages are closed again on failure. */
int os_guard_open(struct os_guard *g, uint64_t start, uint64_t size, bool exec, const void *fill);
/* Make pages inaccessible and drop their contents. */
int os_guard_close(struct os_guard *g, uint64_t start, uint64_t size);
/* Close the page `from` and open the closed page `to` with its frame, in one step and without a
 * fault; `to` then still holds from's bytes. False: nothing was done (no such mechanism, or the
 * frame is shared with a forked process); close and open instead. */
bool os_guard_pass(struct os_guard *g, uint64_t from, uint64_t to);
/* os_guard_close for `ranges` [count], sorted or not; neighbours are joined. Returns the first
 * error, having tried all of them. */
int os_guard_close_many(struct os_guard *g, const struct os_range *ranges, unsigned count);
/* Take a committed piece whose pages are all closed out of service: stays inaccessible, gives back
 * its page tables. It may be committed again. */
int os_guard_retire(struct os_guard *g, uint64_t start, uint64_t size);
/* In the child after fork(): userfaultfd registrations do not travel (the child would silently read
 * zeros), so make a new one over the attached ranges. Returns 0 or -Exxx. */
int os_guard_fork_child(struct os_guard *g);

#endif
