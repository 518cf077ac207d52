/*
 * Security descriptors: reading either form, building, the SDDL language.
 *
 * Doc: [MS-DTYP] 2.4.6 (SECURITY_DESCRIPTOR), 2.5.1 (SDDL); WDK, "SDDL for Device Objects".
 */
#include "kernel/se_priv.h"

#include <errno.h>
#include <string.h>

void se_sd_read(struct se_sd *ret, const void *descriptor)
{
    const SECURITY_DESCRIPTOR *sd = descriptor;
    const SECURITY_DESCRIPTOR_RELATIVE *rel = descriptor;
    const uint8_t *base = descriptor;

    memset(ret, 0, sizeof *ret);
    ret->control = sd->Control;
    if (sd->Control & SE_SELF_RELATIVE) {
        ret->owner = rel->Owner ? (const SID *)(base + rel->Owner) : NULL;
        ret->group = rel->Group ? (const SID *)(base + rel->Group) : NULL;
        ret->sacl = rel->Sacl ? (const ACL *)(base + rel->Sacl) : NULL;
        ret->dacl = rel->Dacl ? (const ACL *)(base + rel->Dacl) : NULL;
    } else {
        ret->owner = sd->Owner;
        ret->group = sd->Group;
        ret->sacl = sd->Sacl;
        ret->dacl = sd->Dacl;
    }
    if (!(sd->Control & SE_DACL_PRESENT))
        ret->dacl = NULL;
    if (!(sd->Control & SE_SACL_PRESENT))
        ret->sacl = NULL;
}

static uint32_t put(uint8_t *base, size_t *at, const void *p, size_t size)
{
    size_t start = *at;

    if (!p)
        return 0;
    memcpy(base + start, p, size);
    *at = pp_align_up(start + size, 4);
    return (uint32_t)start;
}

void *se_sd_build(const struct se_sd *sd, size_t *ret_size)
{
    size_t owner = sd->owner ? se_sid_size(sd->owner) : 0,
           group = sd->group ? se_sid_size(sd->group) : 0;
    size_t sacl = sd->sacl ? sd->sacl->AclSize : 0, dacl = sd->dacl ? sd->dacl->AclSize : 0;
    size_t at = sizeof(SECURITY_DESCRIPTOR_RELATIVE);
    size_t size = at + pp_align_up(owner, 4) + pp_align_up(group, 4) + pp_align_up(sacl, 4) +
                  pp_align_up(dacl, 4);
    SECURITY_DESCRIPTOR_RELATIVE *rel = pp_new(size);

    if (!rel)
        return NULL;
    rel->Revision = SECURITY_DESCRIPTOR_REVISION;
    rel->Control = sd->control | SE_SELF_RELATIVE;
    rel->Sacl = put((uint8_t *)rel, &at, sd->sacl, sacl);
    rel->Dacl = put((uint8_t *)rel, &at, sd->dacl, dacl);
    rel->Owner = put((uint8_t *)rel, &at, sd->owner, owner);
    rel->Group = put((uint8_t *)rel, &at, sd->group, group);
    *ret_size = size;
    return rel;
}

const void *se_object_sd(const void *object, size_t *ret_size)
{
    const void *sd = ob_security_of(object, ret_size);

    if (!sd && ob_is(object, ob_type_directory))
        sd = se_directory_sd(ret_size);
    return sd ? sd : se_default_sd(ret_size);
}

/* ---- SDDL ---- */

struct sddl {
    const WCHAR *at, *end;
    uint8_t sid[4][SECURITY_MAX_SID_SIZE];
    uint8_t acl[2][4096];
    struct se_sd sd;
};

static const struct {
    char name[3];
    uint8_t authority, count;
    uint32_t sub[2];
} aliases[] = {
    {"WD", 1, 1, {0}},       {"CO", 3, 1, {0}},       {"CG", 3, 1, {1}},
    {"OW", 3, 1, {4}},       {"NU", 5, 1, {2}},       {"IU", 5, 1, {4}},
    {"SU", 5, 1, {6}},       {"AN", 5, 1, {7}},       {"PS", 5, 1, {10}},
    {"AU", 5, 1, {11}},      {"RC", 5, 1, {12}},      {"WR", 5, 1, {33}},
    {"SY", 5, 1, {18}},      {"LS", 5, 1, {19}},      {"NS", 5, 1, {20}},
    {"BA", 5, 2, {32, 544}}, {"BU", 5, 2, {32, 545}}, {"BG", 5, 2, {32, 546}},
    {"PU", 5, 2, {32, 547}}, {"AO", 5, 2, {32, 548}}, {"SO", 5, 2, {32, 549}},
    {"PO", 5, 2, {32, 550}}, {"BO", 5, 2, {32, 551}}, {"RE", 5, 2, {32, 552}},
    {"RD", 5, 2, {32, 555}}, {"NO", 5, 2, {32, 556}}, {"AC", 15, 2, {2, 1}},
    {"LW", 16, 1, {0x1000}}, {"ME", 16, 1, {0x2000}}, {"HI", 16, 1, {0x3000}},
    {"SI", 16, 1, {0x4000}}, {"UD", 5, 2, {84, 0}},
};

static const struct {
    char name[3];
    ACCESS_MASK mask;
} rights[] = {
    {"GA", GENERIC_ALL},
    {"GR", GENERIC_READ},
    {"GW", GENERIC_WRITE},
    {"GX", GENERIC_EXECUTE},
    {"RC", READ_CONTROL},
    {"SD", DELETE},
    {"WD", WRITE_DAC},
    {"WO", WRITE_OWNER},
    {"RP", 0x10},
    {"WP", 0x20},
    {"CC", 0x1},
    {"DC", 0x2},
    {"LC", 0x4},
    {"SW", 0x8},
    {"LO", 0x80},
    {"DT", 0x40},
    {"CR", 0x100},
    {"FA", 0x1F01FF},
    {"FR", 0x120089},
    {"FW", 0x120116},
    {"FX", 0x1200A0},
    {"KA", 0xF003F},
    {"KR", 0x20019},
    {"KW", 0x20006},
    {"KX", 0x20019},
    {"NR", 2},
    {"NW", 1},
    {"NX", 4},
};

static const struct {
    char name[3];
    uint8_t value;
} ace_types[] = {{"A", 0}, {"D", 1}, {"AU", 2}, {"ML", 0x11}},
  ace_flags[] = {{"OI", 1},    {"CI", 2},    {"NP", 4},   {"IO", 8},
                 {"ID", 0x10}, {"SA", 0x40}, {"FA", 0x80}};

static bool is_at(const struct sddl *s, const char *text)
{
    size_t n = strlen(text), i;

    if ((size_t)(s->end - s->at) < n)
        return false;
    for (i = 0; i < n; i++)
        if (s->at[i] != (WCHAR)(unsigned char)text[i])
            return false;
    return true;
}

static bool take(struct sddl *s, const char *text)
{
    if (!is_at(s, text))
        return false;
    s->at += strlen(text);
    return true;
}

/* A number, decimal or 0x; false when there is none. */
static bool number(struct sddl *s, uint64_t *ret)
{
    unsigned base = take(s, "0x") || take(s, "0X") ? 16 : 10;
    const WCHAR *start = s->at;

    for (*ret = 0; s->at < s->end; s->at++) {
        WCHAR c = *s->at;
        unsigned d = c >= '0' && c <= '9'   ? c - (unsigned)'0'
                     : c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10
                     : c >= 'A' && c <= 'F' ? c - (unsigned)'A' + 10
                                            : 99;

        if (d >= base)
            break;
        *ret = *ret * base + d;
    }
    return s->at > start;
}

/* S-1-authority-sub..., or two letters. */
static bool sid_text(struct sddl *s, uint8_t *ret)
{
    SID *sid = (SID *)ret;
    uint64_t v;

    memset(ret, 0, SECURITY_MAX_SID_SIZE);
    sid->Revision = SID_REVISION;
    if (!take(s, "S-1-") && !take(s, "s-1-")) {
        for (size_t i = 0; i < PP_COUNT(aliases); i++) {
            if (!take(s, aliases[i].name))
                continue;
            sid->SubAuthorityCount = aliases[i].count;
            sid->IdentifierAuthority.Value[5] = aliases[i].authority;
            memcpy(ret + 8, aliases[i].sub, 4u * aliases[i].count);
            return true;
        }
        return false;
    }
    if (!number(s, &v))
        return false;
    for (int i = 0; i < 6; i++)
        sid->IdentifierAuthority.Value[5 - i] = (UCHAR)(v >> (8 * i));
    while (take(s, "-")) {
        uint32_t sub;

        if (sid->SubAuthorityCount == SID_MAX_SUB_AUTHORITIES || !number(s, &v))
            return false;
        sub = (uint32_t)v;
        memcpy(ret + 8 + 4u * sid->SubAuthorityCount++, &sub, 4);
    }
    return true;
}

static bool rights_text(struct sddl *s, ACCESS_MASK *ret)
{
    uint64_t v;

    *ret = 0;
    if (is_at(s, "0") || (s->at < s->end && *s->at >= '1' && *s->at <= '9')) {
        if (!number(s, &v))
            return false;
        *ret = (ACCESS_MASK)v;
        return true;
    }
    while (!is_at(s, ";")) {
        size_t i = 0;

        while (i < PP_COUNT(rights) && !take(s, rights[i].name))
            i++;
        if (i == PP_COUNT(rights))
            return false;
        *ret |= rights[i].mask;
    }
    return true;
}

/* (type;flags;rights;object;inherited object;sid) */
static bool ace_text(struct sddl *s, ACL *acl, size_t room)
{
    ACCESS_ALLOWED_ACE *ace = (ACCESS_ALLOWED_ACE *)((uint8_t *)acl + acl->AclSize);
    uint8_t sid[SECURITY_MAX_SID_SIZE];
    ACCESS_MASK mask;
    uint8_t type = 0xFF, flags = 0;
    size_t size;

    for (size_t i = PP_COUNT(ace_types); i-- && type == 0xFF;)
        if (take(s, ace_types[i].name))
            type = ace_types[i].value;
    if (type == 0xFF || !take(s, ";"))
        return false;
    while (!take(s, ";")) {
        size_t i = 0;

        while (i < PP_COUNT(ace_flags) && !take(s, ace_flags[i].name))
            i++;
        if (i == PP_COUNT(ace_flags))
            return false;
        flags |= ace_flags[i].value;
    }
    if (!rights_text(s, &mask) || !take(s, ";;;") || !sid_text(s, sid) || !take(s, ")"))
        return false;
    size = 8 + se_sid_size(sid);
    if (acl->AclSize + size > room)
        return false;
    ace->Header = (ACE_HEADER){type, flags, (USHORT)size};
    ace->Mask = mask;
    memcpy(&ace->SidStart, sid, se_sid_size(sid));
    acl->AclSize = (USHORT)(acl->AclSize + size);
    acl->AceCount++;
    return true;
}

static bool acl_text(struct sddl *s, unsigned which)
{
    ACL *acl = (ACL *)s->acl[which];
    USHORT present = which ? SE_SACL_PRESENT : SE_DACL_PRESENT;
    bool is_null = false;

    s->sd.control |= present;
    for (;;) {
        if (take(s, "P"))
            s->sd.control |= which ? SE_SACL_PROTECTED : SE_DACL_PROTECTED;
        else if (take(s, "AR"))
            s->sd.control |= which ? SE_SACL_AUTO_INHERIT_REQ : SE_DACL_AUTO_INHERIT_REQ;
        else if (take(s, "AI"))
            s->sd.control |= which ? SE_SACL_AUTO_INHERITED : SE_DACL_AUTO_INHERITED;
        else if (take(s, "NO_ACCESS_CONTROL"))
            is_null = true;
        else
            break;
    }
    *acl = (ACL){ACL_REVISION, 0, sizeof *acl, 0, 0};
    while (take(s, "("))
        if (!ace_text(s, acl, sizeof s->acl[which]))
            return false;
    if (is_null)
        return true;
    if (which)
        s->sd.sacl = acl;
    else
        s->sd.dacl = acl;
    return true;
}

int se_sddl_parse(const WCHAR *text, size_t chars, void **ret, size_t *ret_size)
{
    struct sddl *s = pp_new(sizeof *s);
    bool ok = true;
    int err = -EINVAL;

    if (!s)
        return -ENOMEM;
    s->at = text;
    s->end = text + chars;
    while (ok && s->at < s->end) {
        if (take(s, "O:")) {
            ok = sid_text(s, s->sid[0]);
            s->sd.owner = (SID *)s->sid[0];
        } else if (take(s, "G:")) {
            ok = sid_text(s, s->sid[1]);
            s->sd.group = (SID *)s->sid[1];
        } else if (take(s, "D:")) {
            ok = acl_text(s, 0);
        } else if (take(s, "S:")) {
            ok = acl_text(s, 1);
        } else {
            ok = false;
        }
    }
    if (ok) {
        void *sd = se_sd_build(&s->sd, ret_size);

        err = sd ? 0 : -ENOMEM;
        if (sd)
            *ret = sd;
    }
    pp_free(s);
    return err;
}
