# spinning.c: a spin goes on past its end as long as nothing takes the processor away
# caught by spin-till-its-time-is-over
s/return since < spin->jump \&\& now < spin->end;/return since < spin->jump || now < spin->end;/
