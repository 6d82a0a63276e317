// Package rundir is the file layer of a run: the names of its files, atomic writes that survive a crash at any instant,
// the lock that keeps a second run out, the stamps that tell finished work from work to redo, and its logs.
//
// Every file is created through an FS, so that a test can stop a run at any operation (package faultfs).
// The pages docs/formats/{run-directory,stamps,manifest,steps}.md describe what is on disk.
package rundir
