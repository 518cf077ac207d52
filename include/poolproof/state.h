/*
 * The state block: what poolmon, pooltag, `verifier /query` and a debugger read of a machine, while it runs and
 * after it has ended. It is a file in the machine directory that the machine maps shared; a reader maps it
 * read-only, so readers come, go and die without the machine noticing.
 *
 *     | head | drivers | tags | curves | sites | events |        sections at the offsets that the head names
 *
 * One writer. It never waits: rows with a `seq` carry an odd one while they are being written. A reader copies
 * the row between two equal, even readings of `seq` and tries again otherwise (after 100 tries it takes what is
 * there: a machine that was killed in the middle of a row). The ring of events needs less: an event's `seq` is
 * written last, and tells whether the place has been taken by a later one. Tag rows have none: each counter is
 * read whole, and an allocation may fall between two of them.
 *
 * Sizes are in bytes, times in virtual time (100 ns units since the machine's boot). All integers little-endian.
 * The block lies in the driver's reach: what it says is for people, verdicts come from the supervisor.
 *
 * A change of layout changes POOLPROOF_STATE_VERSION; a reader refuses other versions by name. Rows may grow at
 * their end without one: readers step by the section's `row_size`.
 */
#ifndef POOLPROOF_STATE_H
#define POOLPROOF_STATE_H

#include <stddef.h>
#include <stdint.h>

#define POOLPROOF_STATE_MAGIC 0x3154415453505050ull /* "PPPSTAT1" */
#define POOLPROOF_STATE_VERSION 1u

enum poolproof_phase {
    POOLPROOF_STARTING = 0, /* before the first driver */
    POOLPROOF_RUNNING = 1,
    POOLPROOF_ENDED = 2, /* the verdict is there: `exit_code` */
};

enum poolproof_side { POOLPROOF_NONPAGED = 0, POOLPROOF_PAGED = 1 };

struct poolproof_section {
    uint64_t offset;    /* from the block's start */
    uint32_t row_size;  /* bytes from one row to the next */
    uint32_t row_count; /* places, used or not */
};

/* Counters of the verifier and of the whole machine. Names as in SYSTEM_VERIFIER_INFORMATION. */
struct poolproof_totals {
    uint32_t seq;
    uint32_t options;          /* verifier flags in force, volatile changes included */
    uint32_t options_stored;   /* verifier flags the machine started with */
    uint32_t global_flag;      /* GlobalFlag in force */
    uint32_t pool_tag;         /* special pool by tag or size in force (PoolTag); 0: none */
    uint32_t pool_tag_overruns; /* 1: Verify End, 0: Verify Start */
    uint64_t raise_irqls, acquire_spin_locks, synchronize_executions, trim_requests, trims;
    uint64_t attempted, succeeded, succeeded_special, no_tag, failed, failed_deliberately;
    uint64_t special_wanted, special_limited; /* asked for special pool; refused by the byte limit */
    uint64_t not_tracked;
    uint64_t bytes[2], peak_bytes[2];         /* occupied, both sides of the whole pool */
    uint64_t live[2], peak_live[2];
    uint64_t physical_bytes, available_bytes; /* of the simulated computer */
    uint64_t commit_bytes, commit_limit_bytes, commit_peak_bytes;
    uint64_t page_faults;
    uint64_t kernel_bytes; /* images in memory */
    uint64_t requests, completed; /* IRPs sent from outside; completed */
    uint64_t findings;
};

/* One driver image that was ever loaded. */
enum poolproof_driver_bits { POOLPROOF_DRIVER_VERIFIED = 1, POOLPROOF_DRIVER_LOADED = 2 };
struct poolproof_driver {
    uint32_t seq;
    uint32_t bits;           /* enum poolproof_driver_bits; 0 and no name: empty place */
    uint64_t base, size;     /* of the newest load */
    uint32_t loads, unloads;
    uint64_t live[2], peak_live[2];   /* enum poolproof_side */
    uint64_t bytes[2], peak_bytes[2]; /* as requested */
    uint64_t contiguous_bytes, peak_contiguous_bytes;
    char name[64];           /* "hevd.sys", zero terminated */
};

/* One side (paged or nonpaged) of a tag. */
struct poolproof_tag_side {
    uint32_t allocs, frees; /* wrap at 32 bits, as the Windows tools read them */
    uint64_t allocs64, frees64;
    uint64_t bytes; /* occupied: class slot, whole pages; special pool: as requested */
    uint64_t peak_bytes;
    uint64_t requested; /* as requested */
    uint64_t peak_live; /* most blocks alive at once */
};

/* A row of the tag table: open addressing by tag, rows never leave. `tag` 0 = empty. When the table is
 * full the last row, tag `Ovfl`, collects the rest. */
struct poolproof_tag {
    uint32_t tag; /* first character in the low byte, without the protection bit */
    uint32_t reserved;
    struct poolproof_tag_side side[2]; /* enum poolproof_side */
};

/* How one side of a tag went, over the whole life of the machine: when the places are used up, every second
 * point goes and `stride` doubles. The first point is at the first allocation; the present state is not a point.
 * Open addressing by tag and side; `count` 0 = empty. Tags beyond the table have no curve. */
enum { POOLPROOF_POINTS = 62 };
struct poolproof_point {
    uint64_t time;
    uint64_t bytes; /* occupied */
    uint32_t live, allocs;
};
struct poolproof_curve {
    uint32_t seq;
    uint32_t tag;
    uint32_t count;  /* points used */
    uint32_t stride; /* allocations and frees of this side between two points */
    uint32_t left;   /* allocations and frees until the next point */
    uint32_t side;   /* enum poolproof_side */
    struct poolproof_point points[POOLPROOF_POINTS];
};

/* Allocations of one tag from one place in the code. Open addressing; `tag` 0 = empty. Sites beyond the table are
 * not listed (head: `sites_lost`). */
struct poolproof_site {
    uint32_t seq;
    uint32_t tag;
    uint64_t pc;     /* return address of the allocating call */
    uint32_t driver; /* 1 + row in the driver section; 0: the kernel itself */
    uint32_t side;   /* enum poolproof_side */
    uint64_t allocs, frees;
    uint64_t bytes, peak_bytes; /* as requested */
};

/* One allocation or free. A ring: event n (from 1) is at place (n - 1) % row_count. */
enum poolproof_event_kind { POOLPROOF_EVENT_ALLOC = 1, POOLPROOF_EVENT_FREE = 2 };
struct poolproof_event {
    uint64_t seq; /* n; written last. Another value: not this event any more */
    uint64_t time;
    uint64_t address, size; /* as requested */
    uint64_t pc;            /* return address of the allocating or freeing call */
    uint64_t thread;        /* KTHREAD */
    uint32_t tag;
    uint16_t kind; /* enum poolproof_event_kind */
    uint8_t side;  /* enum poolproof_side */
    uint8_t irql;
    uint32_t driver; /* 1 + row in the driver section; 0: the kernel itself */
    uint32_t stack;  /* id in the machine's stack depot; 0: none */
};

struct poolproof_state {
    uint64_t magic; /* POOLPROOF_STATE_MAGIC; written last */
    uint32_t version;
    uint32_t head_size;
    uint64_t size; /* of the whole block */
    uint32_t phase; /* enum poolproof_phase */
    uint32_t exit_code; /* when ended */
    uint32_t supervisor_pid, machine_pid;
    uint32_t generation; /* counts the machine's starts: after a change every table began anew */
    uint32_t sites_lost; /* allocations whose site found no place */
    uint64_t start_time; /* of the run: seconds since 1970, real */
    uint64_t time;       /* virtual, at the last update */
    uint64_t seed;
    uint64_t event_count; /* events so far; the newest is event number event_count */
    struct poolproof_section drivers, tags, curves, sites, events;
    struct poolproof_totals totals;
    char driver_path[256]; /* as given to the command */
    char verified[1024]; /* names of the drivers to verify, loaded or not, separated by blanks; "*": all */
};

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define POOLPROOF_AT(type, member, at) _Static_assert(offsetof(struct type, member) == (at), #type "." #member)
POOLPROOF_AT(poolproof_section, row_size, 8);
POOLPROOF_AT(poolproof_tag, side, 8);
POOLPROOF_AT(poolproof_tag_side, bytes, 24);
POOLPROOF_AT(poolproof_curve, points, 24);
POOLPROOF_AT(poolproof_site, allocs, 24);
POOLPROOF_AT(poolproof_event, tag, 48);
POOLPROOF_AT(poolproof_driver, name, 112);
POOLPROOF_AT(poolproof_totals, raise_irqls, 24);
POOLPROOF_AT(poolproof_state, drivers, 80);
POOLPROOF_AT(poolproof_state, totals, 160);
_Static_assert(sizeof(struct poolproof_tag) == 120, "row");
_Static_assert(sizeof(struct poolproof_curve) == 24 + 24 * POOLPROOF_POINTS, "row");
_Static_assert(sizeof(struct poolproof_site) == 56, "row");
_Static_assert(sizeof(struct poolproof_event) == 64, "row");
_Static_assert(sizeof(struct poolproof_driver) == 176, "row");
#undef POOLPROOF_AT
#endif

#endif
