/* What the files of verify share. */
#ifndef POOLPROOF_VERIFY_PRIV_H
#define POOLPROOF_VERIFY_PRIV_H

#include "verify/verify.h"

const struct vf_config *vf_config(void);
/* vf_report; with `count` false the finding belongs to the last one (a list entry of it). */
uint32_t vf_send(const struct vf_case *c, bool count);

#endif
