/*
 * Shared by the files of host/:
 *   supervisor.c  the parent: starts machines      collect.c   records become a verdict
 *   machine.c     the child: boots, loads, drives, unloads
 *   drive.c       the default drive                scenario.c  Lua scenarios
 *   journal.c     records over the pipe            report.c, symbols.c, json.c  rendering
 *   stay.c        the machine that stays up     console.c   its supervisor's side
 *   state.c       the state block as a file     settings.c  stored settings
 *   core.c        --keep-core                      info.c  poolproof info
 *   machine_dir.c, settings.c  the machine directory and the settings in it
 *   running.c     GFlags' settings of the machine that runs there
 *   verifier.c    Driver Verifier's stored settings   volatile.c   changes while the machine runs
 */
#ifndef POOLPROOF_HOST_PRIV_H
#define POOLPROOF_HOST_PRIV_H

#include "base/base.h"
#include "host/host.h"
#include "kernel/kernel.h"
#include "pe/pe.h"
#include "plat/plat.h"
#include "verify/verify.h"

#include <limits.h>
#include <sys/types.h>


/* ---- Journal: records from the machine to the supervisor. One writer, in order. ---- */

enum host_rec {
    HOST_REC_MODULE = 1,   /* struct host_module */
    HOST_REC_FINDING,      /* struct vf_finding */
    HOST_REC_PRINT,        /* text of DbgPrint, not terminated */
    HOST_REC_NOTE,         /* text, for --verbose */
    HOST_REC_WARN,         /* text, always shown */
    HOST_REC_STEP,         /* struct host_step */
    HOST_REC_EXERCISED,    /* struct ke_exercised */
    HOST_REC_COVER,        /* one byte for each basic block: reached */
    HOST_REC_GUARD,        /* text: mechanism's name */
    HOST_REC_NOT_MODELLED, /* struct host_stop */
    HOST_REC_HANG,         /* struct host_stop */
    HOST_REC_OWN_FAULT,    /* text */
    HOST_REC_SETUP,        /* text: usage or surroundings, exit 2 */
    HOST_REC_SCRIPT,       /* text: an error of the scenario itself, with file:line; exit 2 */
    HOST_REC_ENTRY_FAILED, /* struct host_step: DriverEntry or AddDevice/start failed */
    HOST_REC_EXPECT,       /* text: a failed expectation of the scenario, with file:line */
    HOST_REC_RESTART,      /* uint32_t: go on in a fresh machine from this step */
    HOST_REC_STOPPED,      /* nothing: --bugcheck */
    HOST_REC_DONE,         /* nothing: the machine ended by itself */
    HOST_REC_PATTERNS,     /* struct pl_patterns */
    HOST_REC_HOLD,         /* nothing: --keep-core, the machine waits to be copied */
    HOST_REC_REPLY,        /* text: the answer to a line of the console */
    HOST_REC_READY,        /* nothing: the next line may come */
    HOST_REC_SETTINGS,     /* text: what of the machine's settings bears on the pool */
    HOST_REC_POINT,        /* struct host_point_rec: how a copy with a refused call ended */
    HOST_REC_POINTS,       /* struct host_explore_count: the run has come to its end */
    HOST_REC_REFUSED,      /* struct host_refusal: the next finding came after it */
    HOST_REC_STARTED,      /* struct host_step: a step of the start succeeded; information: what the
                              driver offers then, in names */
};

struct host_module {
    uint64_t base;
    uint32_t size;
    uint32_t is_load;
    char name[VF_NAME];
    char path[256];
};

/* One thing the host did to the driver; sent before (outcome NONE) and after. */
enum { HOST_OUTCOME_NONE = 0xFF };
enum host_step_kind {
    HOST_STEP_START,   /* DriverEntry to start, in each machine again; not numbered */
    HOST_STEP_END,     /* remove, unload; not numbered */
    HOST_STEP_PNP,     /* plug and play, power */
    HOST_STEP_REQUEST, /* what a program could send */
};
struct host_step {
    uint32_t index;   /* of the next numbered step, when not numbered */
    uint32_t outcome; /* enum ke_outcome, or HOST_OUTCOME_NONE */
    int32_t status;
    uint32_t kind; /* enum host_step_kind */
    uint64_t information;
    char what[120]; /* "IOCTL 0x222003, 64 bytes in, 0 out" */
};

struct host_stop {
    char name[96];
    char detail[256];
    struct vf_stack stack;
};

/* A call that was made to fail on purpose. */
struct host_refusal {
    char routine[VF_NAME]; /* "": none */
    struct vf_stack stack;
};

/* ---- Exploration (explore.c, points.c) ---- */

enum host_point_end {
    HOST_POINT_RUNNING, /* never told */
    HOST_POINT_DONE,
    HOST_POINT_HANG,
    HOST_POINT_NOT_MODELLED,
    HOST_POINT_DESTROYED,
    HOST_POINT_OWN_FAULT,
};
enum { HOST_POINT_KEYS = 12, HOST_COPY_LIMIT_S = 20 };

/* One refused call and what came of it. Fits a pipe's atomic write. */
struct host_point_rec {
    uint64_t first_id, id; /* first: the one refused before it, of a pair; 0: none */
    uint64_t index;
    uint32_t first_nth, nth;
    uint32_t end; /* enum host_point_end */
    uint32_t finding_count, leak_count;
    uint32_t locked; /* the thread held a spin lock at the first finding */
    uint64_t key[HOST_POINT_KEYS], leak_key[HOST_POINT_KEYS]; /* host_finding_key */
    char routine[VF_NAME];
    char why[96];      /* hang, not modelled, destroyed */
    char during[120];  /* the step it was refused in */
    struct host_step step; /* how that step ended; what[0] == 0: it did not */
    struct vf_stack stack; /* of the refused call */
    struct vf_finding finding, leak; /* the first of each */
};
_Static_assert(sizeof(struct host_point_rec) <= 4080, "one atomic write");

struct host_explore_count {
    uint64_t visited, refused; /* calls that came by; calls refused in the run itself: none */
    uint64_t counted;          /* the same calls, counted by the gate */
};

struct host_points; /* what is known of all points; the supervisor's */
struct host_explore {
    unsigned jobs, depth;
    unsigned shard, shard_count;
    uint32_t times; /* only so many calls of each stack; 0: all */
    const char *const *exclude; /* parts of routines' names, [exclude_count] */
    unsigned exclude_count;
    uint64_t replay, replay_first; /* 0: none */
    uint32_t replay_nth, replay_first_nth;
    struct host_points *done;
    bool is_counting; /* nothing is refused yet */
};

struct host_machine;
/* Before the machine starts. Returns 0 or -Exxx. */
int host_explore_prepare(struct host_machine *m, struct ke_config *cfg);
/* The run has come to its end: wait for the copies. */
void host_explore_finish(struct host_machine *m);
/* Has this point its verdict already? */
bool host_points_has(const struct host_points *p, uint64_t first, uint32_t first_nth, uint64_t id,
                     uint32_t nth);
/* Is it what the driver does wrong with no call refused? */
bool host_points_is_old(const struct host_points *p, uint64_t finding_key);
/* Learnt from the run without refusals: a step stays pending; a step of the start leaves so many names. */
void host_points_pending(struct host_points *p, const char *step);
void host_points_offers(struct host_points *p, const char *step, uint64_t names);
/* A step of the start succeeded; tells what the driver offers now. */
void host_explore_started(struct host_machine *m, const char *what);
struct host_session;
/* "123 of 456 calls refused, 78 a second, 4 s left" */
void host_points_progress(const struct host_session *s, char *buf, size_t size);
/* A record came in. */
void host_points_add(struct host_session *s, struct host_point_rec *r);

/* The same mistake has the same key in every run. */
uint64_t host_finding_key(const struct vf_finding *f);
/* Everything else that a process says goes to `fn` from here on. */
typedef void (*host_hear_fn)(enum host_rec type, const void *payload, size_t size);
void host_journal_redirect(host_hear_fn fn);
/* host_journal_write, whatever is redirected. */
void host_journal_send(int fd, enum host_rec type, const void *payload, size_t size);

/* Write one record; a broken pipe ends the machine. */
void host_journal_write(int fd, enum host_rec type, const void *payload, size_t size);
/* Incremental reader. */
struct host_reader {
    uint8_t *buf;
    size_t used, capacity;
};
typedef void (*host_record_fn)(void *ctx, enum host_rec type, const void *payload, size_t size);
/* Read what is there (fd may block once); calls fn for each whole record. Returns bytes read, 0 at
 * the end, -Exxx (-EPROTO: not a record: the writer is damaged). */
int host_reader_pump(struct host_reader *r, int fd, host_record_fn fn, void *ctx);
void host_reader_done(struct host_reader *r);

/* ---- What the supervisor knows at the end ---- */

enum { HOST_BYTE_HIDDEN = 2 }; /* in window_valid: readable, but our own */
struct host_finding {
    struct vf_finding f;
    uint32_t repeats;         /* how often it came again */
    struct vf_finding *leaks; /* list entries of a leak, [leak_count] */
    uint32_t leak_count;
    char during[120]; /* step */
    struct host_refusal refused;
};

enum { HOST_STOPS_MAX = 16, HOST_RESTARTS_MAX = 400 };

struct host_verdict {
    const struct host_options *o;
    struct host_module modules[64];
    unsigned module_count;
    struct host_finding *findings;
    unsigned finding_count;
    struct ke_exercised exercised; /* summed over machines; blocks_reached is the union */
    uint8_t *cover;
    size_t cover_size;
    struct host_step last_step;
    struct host_step entry_failed;                 /* what[0] == 0: it did not */
    struct host_stop not_modelled[HOST_STOPS_MAX]; /* [not_modelled_count], each once */
    struct host_stop hangs[HOST_STOPS_MAX];
    unsigned not_modelled_count, hang_count;
    char own_fault[256], setup[256], death[256];
    bool setup_is_script; /* the text names the scenario */
    char **warnings;      /* [warning_count], each once */
    unsigned warning_count;
    char **expects;
    unsigned expect_count;
    char guard[24];
    char settings[400]; /* "": nothing that bears on the pool */
    struct pl_patterns patterns; /* zeros: not known */
    unsigned restarts;
    char unfinished[160]; /* why later steps were not tried, or "" */
    unsigned steps;
    unsigned requests_judged; /* HOST_STEP_REQUEST that were answered or cancelled */
    bool stopped;
    struct host_refusal refused; /* the last one */
};

/* The supervisor's state while machines run. */
struct host_session {
    struct host_verdict v;
    struct ke_exercised current; /* of the machine that runs, as it said last */
    struct vf_finding *leaks;    /* entries whose header has not come yet, [leak_count] */
    uint32_t leak_count;
    uint32_t restart_at;
    bool restart, done, ended; /* how the present machine said that it ends */
    bool hold;                 /* it waits to be copied */
    bool settled;              /* the machine that stays up was ready at least once */
    struct host_refusal refused;  /* before the finding that comes next */
    bool is_replay;               /* one call is refused on purpose */
    struct host_points *baseline; /* learns from this run; NULL: nobody does */
    struct host_points *points;   /* NULL: nothing is explored */
    struct host_explore_count explored; /* summed over machines */
    struct host_console *console; /* NULL: it does not stay up */
    uint64_t deadline;         /* of all machines together, real nanoseconds */
    unsigned shown;            /* columns of the progress line */
};

/* Was everything done that there is to do? */
bool host_is_whole(const struct host_session *s);
/* Run machine after machine until everything is done. Returns 0 or -Exxx (said on standard error). */
int host_run_all(struct host_session *s, struct host_machine *m);
/* Take one record in; a host_record_fn with a struct host_session. */
void host_collect(void *ctx, enum host_rec type, const void *payload, size_t size);
/* The machine has ended: what it exercised goes to the sum. */
void host_collect_end(struct host_session *s);
void host_session_done(struct host_session *s);
/* Show the running step on a terminal; host_progress_clear before anything else is printed. */
void host_progress(struct host_session *s);
void host_progress_clear(struct host_session *s);

/* Exit code by the precedence of host.h. */
int host_verdict_exit(const struct host_verdict *v);
/* The whole report. */
void host_report(const struct host_verdict *v, FILE *out);
/* "rule: what, where, by whom". */
void host_headline(struct host_symbols *sym, const struct host_verdict *v,
                   const struct host_finding *f, char *buf, size_t size);
/* The finding's first line alone, as soon as it is there. */
void host_finding_line(const struct host_verdict *v, const struct host_finding *h, FILE *out);
/* One JSON object per line. Returns 0 or -Exxx. */
int host_json(const struct host_verdict *v, const char *path);

/* A whole file, at most `max` bytes, with a zero byte behind it. Returns 0 or -Exxx (-EFBIG:
 * larger). */
int host_read_file(const char *path, size_t max, uint8_t **ret, size_t *ret_size);

/* ---- The machine directory (machine_dir.c) ---- */

enum { HOST_REGISTRY_MAX = 64 << 20 };

/* Find and make the directory: `dir` as --machine gives it or NULL. *is_order: somebody named it, it is not
 * just the default. Returns 0, or -Exxx with one line in why. */
int host_machine_path(const char *dir, char path[PATH_MAX], bool *is_order, char why[PP_WHY_SIZE]);
/* The same; reads its system.reg into *ret (NULL: none
 * there). Returns 0, or -Exxx with one line in why that names the file. */
int host_machine_dir(const struct host_options *o, char **ret, size_t *ret_size,
                     char why[PP_WHY_SIZE]);

/* ---- Stored settings of the verifier for one start (verifier.c) ---- */

struct pe_image;
/* What a machine is started with: `o` is the command line's, with the stored settings in it. */
struct host_verified_start {
    struct host_options o;
    struct host_verifier stored;
    bool is_used; /* the stored settings decided */
    char words[300];
    char *command; /* o.command, when it had to be changed */
};
/*
 * Read the settings, count the start, and decide. `pe`: of the driver of `run`, or NULL;
 * `drivers` [count]: those of `boot`. Returns 0, or -Exxx (said on standard error); in both cases
 * host_verifier_end is called at the end.
 */
int host_verifier_begin(struct host_verified_start *b, const struct host_options *o,
                        const struct pe_image *pe, char *const *drivers, unsigned count);
struct host_verdict;
/* The machine has ended; NULL: it never started. */
void host_verifier_end(struct host_verified_start *b, const struct host_verdict *v, int code);

/* ---- The console of a machine that stays up (console.c) ---- */

enum { HOST_LINE_MAX = 4096 };
struct pollfd;
struct host_console {
    int input, listening, client; /* -1: none */
    bool is_terminal, prompted;
    bool ready;   /* the machine waits for a line */
    bool closing; /* no more lines: let the machine end */
    bool input_over, asked_by_client;
    char *lines; /* of standard input, [lines_used] */
    size_t lines_used, client_used;
    char client_line[HOST_LINE_MAX];
    char path[4096]; /* of the socket */
};
void host_console_start(struct host_console *c, const char *state_path);
void host_console_end(struct host_console *c);
/* What to wait for, and what came of it; `go` leads to the machine. */
unsigned host_console_fds(struct host_console *c, struct pollfd *fds);
void host_console_pump(struct host_console *c, const struct pollfd *fds, int go);
void host_console_reply(struct host_console *c, const char *text, size_t size);
void host_console_ready(struct host_console *c);

/* ---- The state block (state.c) ---- */

struct host_publish {
    struct poolproof_state *s; /* NULL: nothing is published */
    int fd;
    char path[4096], last[4096];
};
/* Make the block's file in the machine directory; when that cannot be, nothing is published. */
void host_publish_start(struct host_publish *p, const struct host_options *o);
/* The verdict is there: the block becomes DIR/last.state. */
void host_publish_end(struct host_publish *p, int exit_code);

/* ---- --keep-core (core.c) ---- */

/* Open files on a machine's memory; made before the machine gives its rights up. */
struct host_core {
    pid_t pid;
    int mem, maps, pagemap; /* -1: not to be had */
    unsigned written;       /* files so far, over all machines */
};
void host_core_open(struct host_core *c, pid_t pid);
void host_core_close(struct host_core *c);
/* Where the process runs at this moment; 0: not to be found out. */
uint64_t host_core_rip(pid_t pid);
/* Write FOLDER/DRIVER.N.core (ELF: registers and memory) and FOLDER/DRIVER.N.txt (why, modules,
 * memory map) of a machine that stands still. Returns 0 or -Exxx; `why` says in one line what is
 * being kept. */
int host_core_write(struct host_core *c, const struct host_verdict *v, const char *why);

/* ---- Symbols ---- */

/* `modules` [count], at most 64, and `dirs` (--symbols, or NULL) stay the caller's and valid. */
struct host_symbols *host_symbols_new(const struct host_module *modules, unsigned count,
                                      const char *dirs);

/* ---- The machine's side ---- */

struct host_driver {
    const char *path;
    uint8_t *bytes;
    size_t size;
    struct ke_image *image; /* in the machine */
};

struct host_machine {
    const struct host_options *o;
    int journal;
    uint32_t resume_at;                /* steps below this are done already */
    uint32_t ended[HOST_RESTARTS_MAX]; /* steps that ended an earlier machine, [ended_count] */
    unsigned ended_count;
    uint32_t step;  /* next step's number */
    struct host_explore *explore; /* NULL: nothing is refused on purpose */
    bool is_finishing; /* a call was refused: after this step, only removal and unload are left */
    char step_name[120];
    bool is_pulled; /* the device was pulled out: only its removal is left to send */
    int go;        /* --keep-core: a byte comes when the copy is made */
    struct ke_image *image;
    struct pe_code *code; /* of the driver, for the default drive */
    const uint8_t *bytes;
    size_t size;
    struct host_driver *drivers; /* [driver_count] of a machine that stays up; the first one is `image` */
    unsigned driver_count;
    const char *script; /* text of the scenario or NULL */
    size_t script_size;
    struct poolproof_state *state; /* shared with readers; NULL: none */
    const char *registry; /* text of the machine's system.reg or NULL */
    size_t registry_size;
};

/* A call was refused on purpose. */
void host_send_refusal(struct host_machine *m, const struct ke_fault_point *p);
/* What of the settings in force bears on the pool, for the report. */
void host_send_settings(struct host_machine *m);
/* Never returns: ends the process. */
PP_NORETURN void host_machine_main(struct host_machine *m);
/* Is this step to be done? Counts it and announces it. */
bool host_step_begin(struct host_machine *m, enum host_step_kind kind, const char *what);
void host_step_end(struct host_machine *m, enum host_step_kind kind, const char *what,
                   const struct ke_result *r);
/* Ends this machine when it is no longer sound; the supervisor goes on after the current step. */
/* Did this step end an earlier machine? Then it is not tried again. */
bool host_step_ended(const struct host_machine *m, uint32_t index);
void host_restart_if_unsound(struct host_machine *m);
/* The default drive; *node changes when the device is removed and added again. */
void host_drive(struct host_machine *m, struct ke_pnp **node);
/* Start the drivers, then carry out lines until there are no more; stop them. */
void host_stay(struct host_machine *m);
/* Let `ms` of real and virtual time pass. Returns false when the machine is to end. */
bool host_stay_for(struct host_machine *m, uint64_t ms);
struct lua_State;
/* Functions that change the verifier while the machine runs (verifier /volatile). */
void host_lua_verifier(struct lua_State *L);
/* The scenario's functions, for `node` (NULL: no plug-and-play driver). */
struct lua_State *host_lua_new(struct host_machine *m, struct ke_pnp *node);
/* Returns false when the script failed (reported). */
bool host_scenario(struct host_machine *m);
/* DriverEntry, and AddDevice with start where the driver has it. */
bool host_start_driver(struct host_machine *m, struct ke_pnp **ret_node);
void host_stop_driver(struct host_machine *m, struct ke_pnp *node);

#endif
