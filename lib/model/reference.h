/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of images: [domain/]path[:tag][@digest] (distribution/reference's grammar), in their familiar form
 * ("busybox:1") and whole ("docker.io/library/busybox:1").
 */
#ifndef GANTRY_MODEL_REFERENCE_H
#define GANTRY_MODEL_REFERENCE_H

#include "lib/base/digest.h"
#include "lib/base/error.h"

#include <stdbool.h>

#define REFERENCE_NAME_SIZE 256
#define REFERENCE_TAG_SIZE  129
#define REFERENCE_SIZE      (REFERENCE_NAME_SIZE + REFERENCE_TAG_SIZE + DIGEST_SIZE + 2)

struct reference {
	char name[REFERENCE_NAME_SIZE]; /* whole: "docker.io/library/busybox" */
	char tag[REFERENCE_TAG_SIZE];   /* "" when not given */
	char digest[DIGEST_SIZE];       /* "" when not given */
};

/* INVALID in Docker's words ("invalid reference format", "... repository name must be lowercase", ...). */
int reference_parse(const char *text, struct reference *ret, struct error *err);
/* Gives the tag "latest" to one without tag and digest. */
void reference_default_tag(struct reference *ref);

/* With tag and digest as far as they are there; both return buf. */
char *reference_familiar(const struct reference *ref, char buf[REFERENCE_SIZE]);
char *reference_whole(const struct reference *ref, char buf[REFERENCE_SIZE]);
/* The name alone: "busybox". */
char *reference_familiar_name(const struct reference *ref, char buf[REFERENCE_NAME_SIZE]);

/* True for 64 hex digits, which are no name. */
bool reference_is_id(const char *text);

#endif
