/* --json: every line is an object, the last one the verdict. */
#include "fixture.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TEST(json, one_object_a_line)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();
    char path[] = "/tmp/poolproof-json-XXXXXX", line[16384];
    int fd = mkstemp(path);
    const char *type = "";
    json_t *o = NULL;
    FILE *in;

    cr_assert(fd >= 0);
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    fixture_send(s, HOST_REC_WARN, "odd \xFF bytes", 11);
    cr_assert(host_json(&s->v, path) == 0);
    in = fdopen(fd, "r");
    cr_assert(in);
    while (fgets(line, sizeof line, in)) {
        json_decref(o);
        o = json_loads(line, 0, NULL);
        cr_assert(o, "%s", line);
        type = json_string_value(json_object_get(o, "type"));
        if (strcmp(type, "finding"))
            continue;
        cr_expect(!strcmp(json_string_value(json_object_get(o, "rule")), "BEYOND_END"));
        cr_expect(!strcmp(json_string_value(json_object_get(o, "address")), "0x490000011000"));
        cr_expect(json_integer_value(json_object_get(json_object_get(o, "block"), "offset")) == 48);
        cr_expect(json_array_size(json_object_get(o, "stack")) == 2);
    }
    cr_expect(!strcmp(type, "verdict"));
    cr_expect(json_integer_value(json_object_get(o, "exit")) == HOST_FINDINGS);
    json_decref(o);
    fclose(in);
    unlink(path);
    host_session_done(s);
    pp_free(s);
}

TEST(json, a_file_that_cannot_be_made)
{
    struct host_session *s = fixture_session();

    cr_expect(host_json(&s->v, "/nowhere/at/all.json") < 0);
    host_session_done(s);
    pp_free(s);
}
