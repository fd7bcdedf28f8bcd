"use strict";
const TIMELINE_KEYS = [];
