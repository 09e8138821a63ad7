#!/bin/sh
echo own
