/* Every failable call: from lines to the report. Points whose outcome is the same mistake are shown
 * once. */
#include "host/points_priv.h"

#include <stdlib.h>
#include <string.h>

enum verdict {
    V_HANDLED,
    V_SUCCEEDED, /* the request was completed with success all the same */
    V_BUG_CHECK,
    V_LEAK,
    V_LOCK,
    V_IRQL,
    V_STATUS,
    V_HANG,
    V_DESTROYED,
    V_NOT_MODELLED,
    V_OWN_FAULT,
    V_COUNT
};

static const struct {
    const char *name, *words;
} verdicts[V_COUNT] = {
    [V_HANDLED] = {"handled", "the driver gave up in order"},
    [V_SUCCEEDED] = {"succeeded anyway", "the request was completed with success all the same"},
    [V_BUG_CHECK] = {"bug check", "a rule was broken that is kept when nothing fails"},
    [V_LEAK] = {"leak", "something was left behind at unload"},
    [V_LOCK] = {"lock held", "a lock was kept on the way out"},
    [V_IRQL] = {"IRQL not restored", "a routine returned at another IRQL than it was called at"},
    [V_STATUS] = {"wrong status", "success was returned, but a device or link is missing"},
    [V_HANG] = {"hang", "the driver came to no end"},
    [V_DESTROYED] = {"destroyed", "the driver destroyed the machine's process"},
    [V_NOT_MODELLED] = {"not modelled", "the way out needs what is not modelled: no verdict"},
    [V_OWN_FAULT] = {"own fault", "a fault of Poolproof itself: no verdict"},
};

struct group {
    enum verdict verdict;
    const char *key;
    const json_t *first;
    unsigned count;
};

struct tally {
    const struct host_points *p;
    json_t *baseline; /* keys as an object */
    uint64_t points, expected, visited, counted;
    const char *why; /* a run was cut short; "": by nobody that is known */
    unsigned count[V_COUNT];
    struct group *groups;
    unsigned group_count;
};

static const char *text_of(const json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));

    return t ? t : "";
}

/* The first key that the driver does not show without refusals, or NULL. */
static const char *new_key(const struct tally *t, const json_t *o, const char *name)
{
    const json_t *keys = json_object_get(o, name), *key;
    size_t i;

    json_array_foreach(keys, i, key)
    {
        if (!json_object_get(t->baseline, json_string_value(key)))
            return json_string_value(key);
    }
    return NULL;
}

/* Rules about what a way out forgets have verdicts of their own. */
static enum verdict broken(const json_t *o)
{
    static const char *const irql[] = {"IO_DISPATCH_IRQL", "IRQL_AFTER_CALLBACK", "WORKER_IRQL",
                                       "IO_COMPLETION_IRQL"};
    static const char *const lock[] = {"VER_LOCK_THREAD_END", "THREAD_HELD_MUTEX"};
    const char *rule = text_of(json_object_get(o, "finding"), "rule");

    for (size_t i = 0; i < PP_COUNT(irql); i++) {
        if (!strcmp(rule, irql[i]))
            return json_is_true(json_object_get(o, "locked")) ? V_LOCK : V_IRQL;
    }
    for (size_t i = 0; i < PP_COUNT(lock); i++) {
        if (!strcmp(rule, lock[i]))
            return V_LOCK;
    }
    return V_BUG_CHECK;
}

static enum verdict judge(const struct tally *t, const json_t *o, const char **ret_key)
{
    const char *end = text_of(o, "end"), *key = new_key(t, o, "keys");
    const char *leak = new_key(t, o, "leak_keys");
    const char *status = text_of(o, "status");
    bool leaks_only =
        leak && !strcmp(text_of(json_object_get(o, "finding"), "rule"), "VER_UNLOAD_LEAK");

    *ret_key = key;
    if (key && !leaks_only && broken(o) == V_BUG_CHECK)
        return V_BUG_CHECK;
    *ret_key = text_of(o, "point"); /* the others are told for each place they come from */
    if (key && !leaks_only)
        return broken(o);
    if (leak)
        return V_LEAK;
    if (!strcmp(end, "hang"))
        return V_HANG;
    if (!strcmp(end, "destroyed"))
        return V_DESTROYED;
    if (!strcmp(end, "not modelled"))
        return V_NOT_MODELLED;
    if (!strcmp(end, "own fault") || !strcmp(end, "running"))
        return V_OWN_FAULT;
    if (json_is_true(json_object_get(o, "wanting")))
        return V_STATUS;
    return *status && (int32_t)strtoul(status, NULL, 16) >= 0 ? V_SUCCEEDED : V_HANDLED;
}

/* Points of one place (the same stack, another time) that end alike belong together. */
static size_t place_size(const char *key)
{
    const char *dot = strrchr(key, '.');

    return dot ? (size_t)(dot - key) : strlen(key);
}

static void group_add(struct tally *t, enum verdict v, const char *key, const json_t *o)
{
    size_t n = v == V_BUG_CHECK ? strlen(key) : place_size(key);

    for (unsigned i = 0; i < t->group_count; i++) {
        struct group *g = &t->groups[i];

        if (g->verdict == v && !strncmp(g->key, key, n) && (!g->key[n] || g->key[n] == '.')) {
            g->count++;
            return;
        }
    }
    t->groups = pp_resize(t->groups, (t->group_count + 1) * sizeof *t->groups);
    PP_ASSERT(t->groups);
    t->groups[t->group_count++] = (struct group){v, key, o, 1};
}

static void take_baseline(struct tally *t)
{
    const json_t *o, *key;
    size_t i, k;

    json_array_foreach(t->p->lines, i, o)
    {
        if (!strcmp(text_of(o, "type"), "baseline")) {
            t->expected =
                PP_MAX(t->expected, (uint64_t)json_integer_value(json_object_get(o, "calls")));
            json_array_foreach(json_object_get(o, "keys"), k, key)
            {
                (void)json_object_set_new(t->baseline, json_string_value(key), json_true());
            }
        } else if (!strcmp(text_of(o, "type"), "end")) {
            t->why = text_of(o, "why");
            t->visited =
                PP_MAX(t->visited, (uint64_t)json_integer_value(json_object_get(o, "visited")));
            t->counted =
                PP_MAX(t->counted, (uint64_t)json_integer_value(json_object_get(o, "counted")));
        }
    }
}

static int by_index(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    json_int_t i = json_integer_value(json_object_get(x, "index")),
               k = json_integer_value(json_object_get(y, "index"));

    if (i != k)
        return i < k ? -1 : 1;
    return strcmp(text_of(x, "point"), text_of(y, "point"));
}

/* In the order in which the run came by, however the copies ended. */
static json_t **points_sorted(struct tally *t)
{
    size_t count = json_array_size(t->p->lines), i;
    json_t **list = pp_new_array(count + 1, sizeof(json_t *)), *o;

    PP_ASSERT(list);
    json_array_foreach(t->p->lines, i, o)
    {
        if (!strcmp(text_of(o, "type"), "point"))
            list[t->points++] = o;
    }
    qsort(list, t->points, sizeof *list, by_index);
    return list;
}

static void stack_print(FILE *out, const char *title, const json_t *stack)
{
    const json_t *frame;
    size_t i;

    if (!json_array_size(stack))
        return;
    fprintf(out, "  %s\n", title);
    json_array_foreach(stack, i, frame)
    {
        const char *text = json_string_value(frame), *cut;

        fprintf(out, "    #%-2zu ", i);
        while ((cut = strstr(text, "inlined into ")) != NULL) {
            fprintf(out, "%.*s\n        ", (int)(cut + 12 - text), text);
            text = cut + 13;
        }
        fprintf(out, "%s\n", text);
    }
}

static void group_print(const struct group *g, unsigned number, const char *command, FILE *out)
{
    const json_t *o = g->first, *f = json_object_get(o, g->verdict == V_LEAK ? "leak" : "finding");

    fprintf(out, "poolproof: %u. %s when %s is refused: ", number, verdicts[g->verdict].name,
            text_of(o, "routine"));
    if (g->verdict == V_BUG_CHECK || g->verdict == V_LOCK || g->verdict == V_IRQL)
        fprintf(out, "%s %s\n", text_of(f, "code"), text_of(f, "text"));
    else if (g->verdict == V_LEAK)
        fprintf(out, "%s\n", text_of(f, "text"));
    else
        fprintf(out, "%s\n", *text_of(o, "why") ? text_of(o, "why") : verdicts[g->verdict].words);
    fprintf(out, "  When      %s\n", text_of(o, "during"));
    stack_print(out, "Refused", json_object_get(o, "stack"));
    if (g->verdict == V_BUG_CHECK)
        stack_print(out, "Then", json_object_get(f, "stack"));
    if (g->verdict == V_LEAK || g->verdict == V_BUG_CHECK)
        stack_print(out, "Allocated by", json_object_get(f, "allocated"));
    if (g->count > 1)
        fprintf(out, "  Again     %u more refused call%s end%s like this\n", g->count - 1,
                g->count == 2 ? "" : "s", g->count == 2 ? "s" : "");
    fprintf(out, "  Reproduce %s --replay %s\n\n", command, text_of(o, "point"));
}

static int exit_code(const struct tally *t)
{
    if (t->count[V_OWN_FAULT] || t->p->own_fault)
        return HOST_OWN_FAULT;
    for (int v = V_BUG_CHECK; v <= V_STATUS; v++) {
        if (t->count[v])
            return HOST_FINDINGS;
    }
    if (t->count[V_DESTROYED])
        return HOST_FINDINGS;
    if (t->count[V_HANG] || t->p->cut)
        return HOST_HANG;
    if (t->count[V_NOT_MODELLED])
        return HOST_NOT_MODELLED;
    return t->points ? HOST_CLEAN : HOST_NOT_EXERCISED;
}

static void summary(const struct tally *t, const char *name, FILE *out)
{
    fprintf(out, "poolproof: explore %s: %llu call%s refused, each in a copy of the machine\n",
            name, (unsigned long long)t->points, t->points == 1 ? "" : "s");
    for (int v = 0; v < V_COUNT; v++) {
        if (t->count[v] || v == V_HANDLED)
            fprintf(out, "  %-17s %6u  %s\n", verdicts[v].name, t->count[v], verdicts[v].words);
    }
    if (!t->p->cut)
        fprintf(out,
                "  calls that can fail: %llu came by, %llu in a run without refusals, %llu by the "
                "exports' own\n  counters\n",
                (unsigned long long)t->visited, (unsigned long long)t->expected,
                (unsigned long long)t->counted);
    else
        fprintf(out, "  the exploration was cut short%s%s; --resume goes on with it\n",
                t->why && *t->why ? ": " : "", t->why ? t->why : "");
    if (json_object_size(t->baseline))
        fprintf(out, "  what the driver does wrong without any refusal is left out: see poolproof "
                     "run\n");
}

int host_points_report(const struct host_points *p, const char *name, const char *command,
                       FILE *out)
{
    struct tally t = {.p = p, .baseline = json_object()};
    json_t **list;
    unsigned number = 0;

    PP_ASSERT(t.baseline);
    take_baseline(&t);
    list = points_sorted(&t);
    for (uint64_t i = 0; i < t.points; i++) {
        const char *key;
        enum verdict v = judge(&t, list[i], &key);

        t.count[v]++;
        if (v > V_SUCCEEDED)
            group_add(&t, v, key, list[i]);
    }
    for (int v = V_BUG_CHECK; v < V_COUNT; v++) {
        for (unsigned i = 0; i < t.group_count; i++) {
            if (t.groups[i].verdict == (enum verdict)v)
                group_print(&t.groups[i], ++number, command, out);
        }
    }
    summary(&t, name, out);
    fflush(out);
    pp_free(list);
    pp_free(t.groups);
    json_decref(t.baseline);
    return exit_code(&t);
}
