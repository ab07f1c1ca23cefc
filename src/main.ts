// The entry is main.js, which is quicker to start. For those who start this file: it is the same.
import './main.js';
