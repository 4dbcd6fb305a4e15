#pragma once

#include "stores/postgres/connection.hpp"

/// The SQL of a commit. Each statement takes arrays, one element per change, and returns the ids it
/// has changed: what is missing there was refused. $1 is the node's epoch where it matters whose
/// the job is.
namespace headrace::stores::sql {

extern const PgStatement kMark;        // the commit's number
extern const PgStatement kAccept;      // new rows
extern const PgStatement kAcceptOnce;  // new rows, each under an idempotency key
extern const PgStatement kUpdate;      // attempt, requeue
extern const PgStatement kRelease;     // up for claim
extern const PgStatement kFinish;
extern const PgStatement kStrip;  // output and kept input are gone
extern const PgStatement kMeter;
extern const PgStatement kPutFiles;
extern const PgStatement kRemoveFiles;

extern const PgStatement kTellEnded;    // jobs that another node accepted
extern const PgStatement kTellOffered;  // something is up for claim

extern const PgStatement kLook;    // rows as they stand, by tenant and id
extern const PgStatement kMarked;  // number of the last commit of an epoch
extern const PgStatement kUndo;    // accepts whose callers were told that they failed

}  // namespace headrace::stores::sql
