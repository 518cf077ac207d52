/* CSV, JSON and Prometheus: quoting and escaping. */
#include "tools/poolmon.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct pm_row rows[] = {
    {.tag = 0x2C225C41 /* A\", */,
     .side = POOLPROOF_PAGED,
     .allocs = 7,
     .frees = 3,
     .allocs64 = 0x100000007,
     .frees64 = 0x100000003,
     .bytes = 64,
     .peak_bytes = 128,
     .requested = 60,
     .peak_live = 8,
     .owner = "a,b.sys",
     .site = "say \"x\""},
    {.tag = 0x20200A42 /* B\n */, .allocs = 1, .allocs64 = 1, .bytes = 16},
};
static struct pm_driver driver = {.name = "q\"x.sys", .bytes = {5, 6}};
static const struct pm_snapshot snapshot = {
    .machine = {.is_running = true, .generation = 2, .driver = "x.sys", .totals = {.findings = 3}},
    .rows = rows,
    .count = 2,
    .drivers = &driver,
    .driver_count = 1};

/* To be given to free(). */
static char *written(enum pm_format format)
{
    struct pm_view v = {.session = PM_SYSTEM};
    struct pm_table t;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    cr_assert_eq(pm_table_make(&snapshot, NULL, &v, &t), 0);
    pm_export_write(&(struct pm_export){format, &snapshot, &t, &v}, out);
    cr_assert_eq(fclose(out), 0);
    pm_table_done(&t);
    return text;
}

Test(export, csv_quotes)
{
    char *text = written(PM_FORMAT_CSV);

    cr_assert_str_eq(text, "Tag,Type,Allocs,Frees,Diff,Bytes,Per Alloc,Peak Bytes,Requested,"
                           "Peak Live,Owner,Call Site\r\n"
                           "\"A\\\"\",\",Paged,4294967303,4294967299,4,64,16,128,60,8,\"a,b.sys\","
                           "\"say \"\"x\"\"\"\r\n"
                           "\"B\\x0a  \",Nonp,1,0,1,16,16,0,0,0,,\r\n");
    free(text);
}

Test(export, json_is_an_object_a_line)
{
    char *text = written(PM_FORMAT_JSON), *save = NULL;
    json_t *o = json_loads(strtok_r(text, "\n", &save), 0, NULL);

    cr_assert_str_eq(json_string_value(json_object_get(o, "type")), "machine");
    cr_assert_str_eq(json_string_value(json_object_get(o, "state")), "running");
    json_decref(o);
    o = json_loads(strtok_r(NULL, "\n", &save), 0, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(o, "tag")), "A\\\",");
    cr_assert_str_eq(json_string_value(json_object_get(o, "pool")), "paged");
    cr_assert_eq(json_integer_value(json_object_get(o, "allocs")), 0x100000007);
    json_decref(o);
    o = json_loads(strtok_r(NULL, "\n", &save), 0, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(o, "tag")), "B\\x0a  ");
    json_decref(o);
    cr_assert_null(strtok_r(NULL, "\n", &save));
    free(text);
}

Test(export, prometheus_escapes_labels)
{
    char *text = written(PM_FORMAT_PROMETHEUS);

    cr_assert_not_null(
        strstr(text, "# HELP poolproof_pool_allocs_total Pool allocations of a tag.\n"
                     "# TYPE poolproof_pool_allocs_total counter\n"
                     "poolproof_pool_allocs_total{tag=\"A\\\\\\\",\",pool=\"paged\"} 4294967303\n"
                     "poolproof_pool_allocs_total{tag=\"B\\\\x0a  \",pool=\"nonpaged\"} 1\n"));
    cr_assert_not_null(
        strstr(text, "poolproof_driver_pool_bytes{driver=\"q\\\"x.sys\",load=\"1\",pool=\"paged\"} "
                     "6\n"));
    cr_assert_not_null(strstr(text, "poolproof_machine_starts_total 2\n"));
    cr_assert_not_null(strstr(text, "poolproof_findings_total 3\n"));
    free(text);
}
