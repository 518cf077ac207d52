/* regedit's text format: read, refused, written. */
#include "base/reg.h"
#include "base/utf.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEAD "Windows Registry Editor Version 5.00\n"
#define KEY "[HKEY_LOCAL_MACHINE\\X]\n"

static int write_again(void *ctx, const struct pp_reg_item *item, char why[PP_WHY_SIZE])
{
    (void)why; /* cannot fail */
    pp_reg_put(ctx, item);
    return 0;
}

static struct pp_reg_text read_bytes(const void *bytes, size_t size)
{
    struct pp_reg_text t = {0};
    char why[PP_WHY_SIZE] = "";

    pp_reg_put_head(&t);
    cr_assert_eq(pp_reg_read(bytes, size, write_again, &t, why), 0, "%s", why);
    cr_assert(!t.failed);
    return t;
}

/* `text` read and written must be `want`. */
static void expect_written(const char *text, const char *want)
{
    struct pp_reg_text t = read_bytes(text, strlen(text));

    cr_expect_str_eq(t.text, want);
    pp_free(t.text);
}

static void expect_refused(const char *text, const char *want)
{
    struct pp_reg_text t = {0};
    char why[PP_WHY_SIZE] = "";

    cr_expect_eq(pp_reg_read(text, strlen(text), write_again, &t, why), -EINVAL);
    cr_expect_str_eq(why, want);
    pp_free(t.text);
}

Test(reg, what_we_write_comes_back_the_same)
{
    static const char text[] = HEAD "; a comment\n"
                                    "\n"
                                    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Reg]\n"
                                    "@=\"default\"\n"
                                    "\"a\\\"b\\\\c\"=\"c:\\\\d \\\"e\\\"\"\n"
                                    "\"empty\"=\"\"\n"
                                    "\"number\"=dword:0000ffff\n"
                                    "\"none\"=hex(0):\n"
                                    "\"bytes\"=hex:01,02,03\n"
                                    "\"expand\"=hex(2):25,00,61,00,25,00,00,00\n"
                                    "\"multi\"=hex(7):61,00,00,00,00,00\n"
                                    "\"quad\"=hex(b):01,00,00,00,00,00,00,00\n"
                                    "\"odd dword\"=hex(4):01,02\n"
                                    "\"own type\"=hex(80000001):ff\n"
                                    "\"two zeros\"=hex(1):61,00,00,00,00,00\n"
                                    "\"gone\"=-\n"
                                    "\n"
                                    "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Reg\\Sub]\n";

    expect_written(text, text);
}

Test(reg, long_data_goes_on_in_the_next_line)
{
    static const char text[] = HEAD KEY
        "\"n\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16,\\\n"
        "  17,18\n";

    expect_written(text, text);
}

Test(reg, spellings_of_the_same)
{
    expect_written("\xEF\xBB\xBF\r\n" HEAD "\r\n[HKLM\\X] ; why\r\n"
                   "  \"a\" = DWORD:1 ; one\r\n"
                   "\"b\"=hex:1,\\  \r\n\t02 ,\\\r\n 3,\r\n",
                   HEAD "\n[HKLM\\X]\n; why\n\"a\"=dword:00000001\n; one\n\"b\"=hex:01,02,03\n");
}

Test(reg, a_text_may_hold_a_line_break)
{
    expect_written(HEAD KEY "\"a\"=\"x\ny\"\n\"b\"=dword:2\n",
                   HEAD KEY "\"a\"=hex(1):78,00,0a,00,79,00,00,00\n\"b\"=dword:00000002\n");
}

Test(reg, regedit4_is_of_code_page_1252)
{
    expect_written("REGEDIT4\n" KEY "\"\x80\"=\"\xE9\"\n\"m\"=hex(7):80,00,00\n\"b\"=hex:80\n",
                   HEAD KEY "\"\xE2\x82\xAC\"=\"\xC3\xA9\"\n\"m\"=hex(7):ac,20,00,00,00,00\n"
                            "\"b\"=hex:80\n");
}

Test(reg, utf16_as_regedit_writes_it)
{
    static const char text[] = HEAD KEY "\"\xF0\x9F\x98\x80\"=\"\xC3\xA9\"\n";
    struct pp_reg_text t = read_bytes(text, sizeof text - 1), again;
    size_t size = 0;
    uint8_t *wide = pp_reg_utf16(&t, &size);

    cr_assert_not_null(wide);
    cr_expect_eq(pp_load16(wide), 0xFEFF);
    cr_expect_eq(pp_load16(wide + 2), 'W');
    cr_expect_eq(pp_load16(wide + size - 4), '\r');
    cr_expect_eq(pp_load16(wide + size - 2), '\n');
    again = read_bytes(wide, size);
    cr_expect_str_eq(again.text, text);
    pp_free(again.text);
    pp_free(wide);
    pp_free(t.text);
}

Test(reg, a_lone_surrogate_in_a_name_survives)
{
    static const uint16_t lone[] = {'a', 0xD800, 'b'};
    uint16_t back[3];
    char text[9];
    size_t size = pp_utf8_from_utf16(lone, 3, text);

    cr_assert_eq(size, 5);
    cr_expect(pp_is_utf8(text, size));
    cr_assert_eq(pp_utf16_from_utf8(text, size, back), 3);
    cr_expect_arr_eq(back, lone, sizeof lone);
}

Test(reg, refusals_name_the_line)
{
    expect_refused("hello\n", "line 1: the head line of a registry file is missing");
    expect_refused("", "line 1: the head line of a registry file is missing");
    expect_refused(HEAD "\"a\"=dword:1\n", "line 2: a value before any key");
    expect_refused(HEAD "[HKEY_LOCAL_MACHINE\\X\n",
                   "line 2: a key name without its closing bracket");
    expect_refused(HEAD "[NOWHERE\\X]\n", "line 2: the key does not start with a known root");
    expect_refused(HEAD KEY "\n\"a\"=what\n",
                   "line 4: data is none of \"text\", dword:, hex:, hex(type):, -");
    expect_refused(HEAD KEY "\"a\"=\"x\n\n", "line 3: a text without its closing quote");
    expect_refused(HEAD KEY "\"a=\n", "line 3: a name without its closing quote");
    expect_refused(HEAD KEY "\"a\" 1\n", "line 3: a name without =");
    expect_refused(HEAD KEY "\"a\"=dword:123456789\n",
                   "line 3: dword: wants up to eight hexadecimal digits");
    expect_refused(HEAD KEY "\"a\"=dword:-1\n",
                   "line 3: dword: wants up to eight hexadecimal digits");
    expect_refused(HEAD KEY "\"a\"=dword:1 2\n", "line 3: something follows the data");
    expect_refused(HEAD KEY "\"a\"=hex:1,\\\n 100\n",
                   "line 4: bytes are two hexadecimal digits, between commas");
    expect_refused(HEAD KEY "\"a\"=hex(x):1\n",
                   "line 3: hex(type): wants the type in hexadecimal digits");
    expect_refused(HEAD KEY "what\n", "line 3: neither a key, a value nor a comment");
}

Test(reg, keys_have_several_names)
{
    const char *rest = NULL;

    cr_expect_eq(pp_reg_root("hklm\\A", &rest), PP_REG_LOCAL_MACHINE);
    cr_expect_str_eq(rest, "\\A");
    cr_expect_eq(pp_reg_root("HKLMX\\A", &rest), PP_REG_ROOT_NONE);
    cr_expect(pp_reg_same_key("HKLM\\SYSTEM\\ControlSet001\\Control",
                              "HKEY_LOCAL_MACHINE\\system\\currentcontrolset\\control"));
    cr_expect(!pp_reg_same_key("HKLM\\SYSTEM\\ControlSet002", "HKLM\\SYSTEM\\CurrentControlSet"));
    cr_expect(pp_reg_is_below("HKLM\\SYSTEM\\ControlSet001\\A", "HKLM\\SYSTEM"));
    cr_expect(!pp_reg_is_below("HKLM\\SYSTEMS", "HKLM\\SYSTEM"));
    cr_expect(!pp_reg_is_below("HKU\\SYSTEM", "HKLM\\SYSTEM"));
}
