"""Tables: inspectors' attributes and absences, and the hours that a dispatcher set."""
