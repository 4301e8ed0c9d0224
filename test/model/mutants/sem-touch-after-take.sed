# sem.c: a spin is reported when the permit has been taken
# caught by sem-destroy-taken
/^static bool spin_for_value/,/^}/{
    s/if (!seen)/if (false)/
    s/        if (take(sem))/        if (take(sem) \&\& (spin_report(\&spin, true), true))/
}
